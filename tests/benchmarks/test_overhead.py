import json
import subprocess
import sys

import pytest

from benchmarks.alternating_blocks import Cost, describe
from benchmarks.overhead import rows_of
from benchmarks.record import CHECKOUT
from benchmarks.summary import section


def test_the_table_shows_medians_with_their_quartiles_and_the_ratios_of_what_does_not_vary():
    pairs = [(Cost(2.0, 1.0), Cost(2.0 * ratio, 1.5)) for ratio in (1.0, 1.1, 1.3)]
    measured = {
        **{"patch_size": [32, 48], "batch_size": 2},
        **{"timed": {"training step": describe(pairs)}, "memory_gib": {"plain": 2.0, "mosmos": 2.1}},
    }
    work = {"plain": {"operations": 4.0, "activations": 1.0}, "mosmos": {"operations": 5.0, "activations": 1.5}}
    counted = {"patch_size": [512, 512], "batch_size": 12, "work": work}
    assert rows_of("2d", measured, counted, on_cpu=True) == [
        ["2d, 2 x 32x48", "training step, s", 2.0, pytest.approx(2.2), "1.100", "1.050 to 1.200 of 3", "1.500"],
        ["2d, 2 x 32x48", "peak memory of training, GiB", 2.0, 2.1, "1.050", None, None],
        ["2d, 12 x 512x512", "operations, 10^12, counted", 4.0, 5.0, "1.250", None, None],
        ["2d, 12 x 512x512", "activations, GiB, counted", 1.0, 1.5, "1.500", None, None],
    ]
    assert rows_of("2d", measured, counted, on_cpu=False)[0][-1] is None


@pytest.mark.slow
def test_a_quick_run_measures_both_trainers_and_leaves_a_record(tmp_path):
    file = tmp_path / "overhead.json"
    command = [sys.executable, "-m", "benchmarks.overhead", "--quick", "--json", str(file)]
    command += ["--configurations", "2d", "--encoders", "resenc"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    assert "2d, resenc, 2 x 32x32" in done.stdout
    assert "2d, resenc, 2 x 32x32" in section(tmp_path)
    figures = json.loads(file.read_text())["figures"]["2d resenc"]
    found = figures["measured"]
    assert found["features_per_stage"] == [32, 64, 128, 256]
    assert set(found["timed"]) == {"training step", "prediction"}
    for timed in found["timed"].values():
        assert all(seconds > 0 for seconds in timed["seconds"].values())
        assert len(timed["pairs"]) == 2
    assert all(0.2 < gib < 10 for gib in found["memory_gib"].values())
    plain, mosmos = (figures["counted"]["work"][arm] for arm in ("plain", "mosmos"))
    assert all(1 < mosmos[name] / plain[name] < 1.2 for name in ("operations", "activations"))
