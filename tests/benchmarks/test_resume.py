import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import resume
from benchmarks.interrupted_training import BETWEEN_RENAMES, HALF_WRITTEN, IN_STEP, SIGTERM_IN_STEP
from benchmarks.summary import section
from pretraining.training.journal import STEPS

OPTIONS = resume.Options(kills=3, saves=2, terminations=1, studies=24, epochs=3, checkpoint_steps=2)


def test_moments_come_from_the_seed_and_saves_are_where_checkpoints_are():
    moments = resume.draw_moments(OPTIONS)
    assert moments == resume.draw_moments(OPTIONS)
    assert moments != resume.draw_moments(replace(OPTIONS, seed=1))
    kinds = [moment for moment, _ in moments]
    assert kinds == [IN_STEP] * 3 + [HALF_WRITTEN] * 2 + [BETWEEN_RENAMES] * 2 + [SIGTERM_IN_STEP]
    # 3 steps an epoch, checkpoints every 2 steps and after each epoch.
    assert {step for moment, step in moments if moment == HALF_WRITTEN} <= {2, 3, 4, 6, 8, 9}
    assert all(1 <= step <= 9 for _, step in moments)


def test_losses_differ_when_their_last_bit_does(tmp_path):
    def losses(value):
        (tmp_path / STEPS).write_text(json.dumps({"step": 1, "loss": value}) + "\n")
        return resume.read_losses(tmp_path)

    assert losses(0.1) == losses(0.1)
    assert losses(0.1) != losses(float(np.nextafter(0.1, 1)))


@pytest.mark.slow
def test_a_kill_and_a_sigterm_are_measured_on_real_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(resume, "draw_moments", lambda options: [(BETWEEN_RENAMES, 3), (SIGTERM_IN_STEP, 2)])
    resume.main(resume.Options(quick=True, json=tmp_path / "resume.json"))
    killed, stopped = json.loads((tmp_path / "resume.json").read_text())["figures"]["interruptions"]
    assert (killed["finished"], killed["resumed_at"], killed["exit_codes"]) == (3, 2, [-9, 0])
    assert (stopped["finished"], stopped["resumed_at"], stopped["exit_codes"]) == (2, 2, [143, 0])
    assert killed["identical"] == killed["later"] > 0
    assert stopped["identical"] == stopped["later"] > 0
    assert "steps lost, of at most 2" in section(tmp_path)
