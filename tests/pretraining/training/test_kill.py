"""Real signals to real processes of `mosmos_pretrain train`, at every kind of moment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pretraining.training.checkpoint import BEST, LATEST, read_checkpoint
from pretraining.training.journal import STEPS, read_metrics

# What each process must end with: the signal that killed it, or the code by which a stopped run tells why.
STATUS = {
    "before_the_first_checkpoint": -9,
    "in_step_3": -9,
    "in_step_6": -9,
    "half_way_through_a_save": -9,
    "between_the_renames": -9,
    "before_the_best_is_named": -9,
    "between_steps_and_checkpoint": -9,
    "between_metrics_and_checkpoint": -9,
    "sigterm": 143,
    "sigint": 130,
}
# Where the resumed process took up: at most three steps, the interval, before the signal.
RESUMED_AT = {
    "in_step_3": 0,
    "in_step_6": 4,
    "half_way_through_a_save": 4,
    "between_the_renames": 4,
    "before_the_best_is_named": 3,
    "between_steps_and_checkpoint": 0,
    "between_metrics_and_checkpoint": 6,
    "sigterm": 2,
    "sigint": 8,
}


@pytest.fixture(scope="module")
def killed(prepared, checkout, tmp_path_factory):
    """The folder of all runs, the exit statuses by moment, and what the processes said."""
    runs = tmp_path_factory.mktemp("killed")
    script = Path(__file__).with_name("killed_runs.py")
    done = subprocess.run(
        [sys.executable, script, prepared, runs],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(checkout)},
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return runs, {moment: (int(killed), int(resumed)) for moment, killed, resumed in lines}, done.stderr


@pytest.mark.parametrize("moment", STATUS)
def test_every_loss_after_a_kill_is_bit_identical(killed, moment):
    runs, statuses, _ = killed
    assert statuses[moment] == (STATUS[moment], 0)
    ours, theirs = runs / moment / "run", runs / "undisturbed" / "run"
    assert (ours / STEPS).read_text() == (theirs / STEPS).read_text()
    assert (ours / STEPS).read_text().count("\n") == 8
    timeless = [
        [{name: value for name, value in entry.items() if name not in ("throughput", "data_wait")} for entry in entries]
        for entries in (read_metrics(ours), read_metrics(theirs))
    ]
    assert timeless[0] == timeless[1]
    for name in (LATEST, BEST):
        weights, expected = (read_checkpoint(run / name)["task"] for run in (ours, theirs))
        assert all(torch.equal(weights[key], expected[key]) for key in expected | weights)


@pytest.mark.parametrize(("moment", "step"), RESUMED_AT.items())
def test_a_kill_costs_at_most_the_interval(killed, moment, step):
    runs, _, said = killed
    assert f"resuming {runs / moment / 'run'} at step {step} of 8" in said


@pytest.mark.parametrize("moment", STATUS)
def test_no_half_written_file_stays(killed, moment):
    runs, _, _ = killed
    ours, theirs = (sorted(file.name for file in (runs / name / "run").iterdir()) for name in (moment, "undisturbed"))
    assert ours == theirs
