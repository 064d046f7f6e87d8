from dataclasses import replace

import pytest

from pretraining.errors import UserError
from pretraining.training import watchers
from pretraining.training.loop import Trainer
from pretraining.training.pretrain import pretrain
from pretraining.training.watchers import TENSORBOARD, WANDB_RUN


class Interrupted(BaseException):
    pass


@pytest.fixture
def interrupted(monkeypatch):
    """Trains up to a step of the second epoch, then dies."""
    take = Trainer.train_step

    def die(self, batches):
        if self.progress.step == 6:
            raise Interrupted
        return take(self, batches)

    def train(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "train_step", die)
            with pytest.raises(Interrupted):
                pretrain(*arguments)

    return train


@pytest.mark.parametrize(("package", "option"), [("tensorboard", {"tensorboard": True}), ("wandb", {"wandb": "p"})])
def test_a_missing_extra_is_one_sentence_before_any_work(
    prepared, tiny_config, on_cpu, tmp_path, monkeypatch, package, option
):
    monkeypatch.setattr(watchers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=rf"pip install 'nnunetv2-mosmos\[{package}\]'"):
        pretrain(prepared, tmp_path / "run", tiny_config, replace(on_cpu, **option))
    assert not (tmp_path / "run").exists()


def test_tensorboard_shows_every_step_once_after_resuming(prepared, tiny_config, on_cpu, tmp_path, interrupted):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    arguments = prepared, tmp_path / "run", tiny_config, replace(on_cpu, tensorboard=True)
    interrupted(*arguments)
    pretrain(*arguments)
    events = EventAccumulator(str(tmp_path / "run" / TENSORBOARD)).Reload()
    assert [event.step for event in events.Scalars("step/loss")] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [event.step for event in events.Scalars("val/loss")] == [4, 8]


def test_wandb_goes_on_in_the_same_run(prepared, tiny_config, on_cpu, tmp_path, interrupted, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    ids, init = [], wandb.init

    def noted(**options):
        ids.append(options["id"])
        return init(**options)

    monkeypatch.setattr(wandb, "init", noted)
    run = tmp_path / "run"
    arguments = prepared, run, tiny_config, replace(on_cpu, wandb="mosmos")
    interrupted(*arguments)
    pretrain(*arguments)
    assert ids == [(run / WANDB_RUN).read_text()] * 2
    assert len(list(run.glob("wandb/offline-run-*/*.wandb"))) == 2
