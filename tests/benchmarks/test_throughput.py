import json
from types import SimpleNamespace

import pytest
import torch

from benchmarks import throughput
from benchmarks.summary import section


def test_only_the_steps_after_the_lead_are_timed_and_waiting_is_told_from_computing(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(throughput, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def batches():
        while True:
            clock.now += 1
            yield "batch"

    def step(batch):
        clock.now += 3

    trainer = SimpleNamespace(train_step=step, runtime=SimpleNamespace(device=torch.device("cpu")))
    assert throughput.time_block(trainer, batches(), lead=5, steps=10) == (4.0, 1.0)
    assert clock.now == 60


@pytest.mark.slow
def test_a_quick_run_measures_real_reading_and_leaves_a_record(tmp_path):
    throughput.main(throughput.Options(quick=True, dims=(2,), json=tmp_path / "throughput.json"))
    found = json.loads((tmp_path / "throughput.json").read_text())["figures"]["2d"]
    assert len(found["blocks"]["read"]) == len(found["blocks"]["memory"]) == 3
    low, middle, high = found["ratio_quartiles"]
    assert 0 < low <= middle <= high
    assert 0 <= found["waiting_share"] < 1
    assert all(milliseconds > 0 for milliseconds in found["reading_milliseconds_a_study"].values())
    assert "2D, 128x128 -> 48x48" in section(tmp_path)
