import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from benchmarks import overhead
from benchmarks.overhead import Cost, alternate, describe, rows_of
from benchmarks.record import CHECKOUT, markdown_table
from benchmarks.summary import section

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the actions move: on the wall three times as fast as in the processor."""
    clock = SimpleNamespace(now=0.0)
    fake = SimpleNamespace(perf_counter=lambda: 3 * clock.now, process_time=lambda: clock.now)
    monkeypatch.setattr(overhead, "time", fake)
    return clock


def test_blocks_alternate_and_a_drifting_machine_does_not_touch_the_ratio(clock):
    order = []

    def action(arm, cost):
        def run():
            order.append(arm)
            # Slower and slower: 1 % a step.
            clock.now += cost * 1.01 ** len(order)

        return run

    actions = {"plain": action("plain", 1.0), "mosmos": action("mosmos", 1.2)}
    pairs = alternate(actions, seconds=200, block_seconds=7, device=CPU)
    warm_up, timed = order[:3], order[3:]
    assert warm_up == ["plain", "mosmos", "plain"]
    assert timed[:8] == ["plain"] * 2 + ["mosmos"] * 4 + ["plain"] * 2
    assert len(timed) == 2 * 2 * len(pairs)
    assert len(pairs) >= 4
    for found in (describe(pairs)["ratio_quartiles"], describe(pairs)["processor_ratio_quartiles"]):
        assert found[0] < 1.2 < found[2]
        assert found[1] == pytest.approx(1.2, abs=0.001)


def test_four_blocks_always_run(clock):
    def step():
        clock.now += 1

    assert (
        alternate({"plain": step, "mosmos": step}, seconds=0, block_seconds=0, device=CPU)
        == [(Cost(3, 1), Cost(3, 1))] * 2
    )


def test_the_table_shows_seconds_the_median_ratio_its_quartiles_and_the_ratio_of_memory():
    pairs = [(Cost(2.0, 1.0), Cost(2.0 * ratio, 1.5)) for ratio in (1.0, 1.1, 1.3)]
    found = {"timed": {"training step": describe(pairs)}, "memory_gib": {"plain": 2.0, "mosmos": 2.1}}
    assert rows_of("net", found, on_cpu=True) == [
        ["net", "training step, s", 2.0, pytest.approx(2.2), pytest.approx(1.1), "1.050 to 1.200", 1.5],
        ["net", "peak memory of training, GiB", 2.0, 2.1, 1.05, None, None],
    ]
    assert markdown_table(["processor"], [row[-1:] for row in rows_of("net", found, on_cpu=False)]).count("–") == 2


@pytest.mark.slow
def test_a_quick_run_measures_both_trainers_and_leaves_a_record(tmp_path):
    file = tmp_path / "overhead.json"
    command = [sys.executable, "-m", "benchmarks.overhead", "--quick", "--json", str(file)]
    command += ["--configurations", "2d", "--encoders", "resenc"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert "2d, resenc, 2 x 32x32" in done.stdout
    assert "2d, resenc, 2 x 32x32" in section(tmp_path)
    found = json.loads(file.read_text())["figures"]["2d resenc"]
    assert found["features_per_stage"] == [32, 64, 128, 256]
    assert set(found["timed"]) == {"training step", "prediction"}
    for timed in found["timed"].values():
        assert all(seconds > 0 for seconds in timed["seconds"].values())
        assert len(timed["pairs"]) == 2
    assert all(0.2 < gib < 10 for gib in found["memory_gib"].values())
