import shutil
from dataclasses import replace

import pytest
import torch

from pretraining.data.batches import loader
from pretraining.errors import UserError
from pretraining.training import loop, objective
from pretraining.training.checkpoint import BEST, LATEST, PREVIOUS, read_checkpoint
from pretraining.training.config import ImageConfig, ObjectiveConfig, OptimizationConfig, TrainConfig
from pretraining.training.export import export_run
from pretraining.training.journal import CURVES, STEPS, TABLE, read_metrics
from pretraining.training.loop import Trainer
from pretraining.training.pretrain import pretrain


class Interrupted(BaseException):
    pass


def untimed(run):
    """The metrics without what depends on the machine."""
    return [{k: v for k, v in entry.items() if k not in ("throughput", "data_wait")} for entry in read_metrics(run)]


@pytest.mark.parametrize("step", [2, 3, 4, 7])
def test_an_interrupted_run_ends_bit_identical_to_an_uninterrupted_one(
    prepared, tiny_config, on_cpu, finished_run, tmp_path, monkeypatch, step
):
    take = Trainer.train_step

    def die(self, parts):
        if self.progress.step == step:
            raise Interrupted
        return take(self, parts)

    monkeypatch.setattr(Trainer, "train_step", die)
    run = tmp_path / "run"
    with pytest.raises(Interrupted):
        pretrain(prepared, run, tiny_config, on_cpu)
    monkeypatch.undo()
    pretrain(prepared, run, tiny_config, on_cpu)
    ours, theirs = (read_checkpoint(folder / LATEST) for folder in (run, finished_run))
    assert ours["step"] == theirs["step"] == 8
    assert all(torch.equal(tensor, theirs["task"][name]) for name, tensor in ours["task"].items())
    assert (run / STEPS).read_text() == (finished_run / STEPS).read_text()
    assert untimed(run) == untimed(finished_run)


def test_a_run_leaves_what_people_and_programs_watch(finished_run):
    entries = read_metrics(finished_run)
    assert [entry["epoch"] for entry in entries] == [1, 2]
    assert {"train/loss", "val/loss", "val/tag_auc", "val/image_to_report_r1"} <= set(entries[0])
    assert (finished_run / TABLE).read_text().count("\n") == 3
    assert (finished_run / CURVES).read_bytes().startswith(b"\x89PNG")
    assert read_checkpoint(finished_run / BEST)["step"] in (4, 8)


def test_a_damaged_latest_checkpoint_falls_back_to_the_previous_aloud(
    prepared, tiny_config, on_cpu, finished_run, tmp_path, caplog
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    content = (run / LATEST).read_bytes()
    (run / LATEST).write_bytes(content[: len(content) // 2])
    caplog.set_level("INFO")
    pretrain(prepared, run, tiny_config, on_cpu)
    assert "is damaged" in caplog.text
    assert "resuming" in caplog.text
    assert read_checkpoint(run / LATEST)["step"] == 8


def test_no_readable_checkpoint_is_said_and_nothing_starts_afresh(
    prepared, tiny_config, on_cpu, finished_run, tmp_path
):
    run = shutil.copytree(finished_run, tmp_path / "run")
    for name in (LATEST, PREVIOUS):
        (run / name).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"no checkpoint in .* can be read"):
        pretrain(prepared, run, tiny_config, on_cpu)


def test_other_options_are_refused_with_the_difference(prepared, on_cpu, finished_run, tiny_config):
    other = TrainConfig(tiny_config.image, tiny_config.text, tiny_config.objective, OptimizationConfig(epochs=3))
    with pytest.raises(UserError, match=r"--batch-size 8 -> 32; --epochs 2 -> 3"):
        pretrain(prepared, finished_run, other, on_cpu)


def test_a_folder_with_something_else_is_not_written_into(prepared, tiny_config, on_cpu, tmp_path):
    (tmp_path / "thesis.docx").write_text("precious")
    with pytest.raises(UserError, match="exists and is not a run"):
        pretrain(prepared, tmp_path, tiny_config, on_cpu)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (lambda logits, targets: logits.sum() * float("nan"), r"loss is not finite \(.*tags nan"),
        (lambda logits, targets: (logits.sum() * 0).sqrt(), r"gradient is not finite \(norm nan"),
    ],
)
def test_what_is_not_finite_stops_before_the_step_and_names_the_studies(
    prepared, tiny_config, on_cpu, tmp_path, monkeypatch, loss, what
):
    monkeypatch.setitem(objective.TAG_LOSSES, "bce", loss)
    with pytest.raises(UserError, match=rf"step 1: the {what}.* on the studies study\d+, .* is intact"):
        pretrain(prepared, tmp_path / "run", tiny_config, replace(on_cpu, checkpoint_steps=1))
    state = read_checkpoint(tmp_path / "run" / LATEST)
    assert state["step"] == 0
    assert all(torch.isfinite(tensor).all() for tensor in state["task"].values())


def test_the_best_epoch_is_that_of_the_lowest_losses_also_where_they_are_balanced(
    prepared, tiny_config, on_cpu, tmp_path
):
    config = replace(tiny_config, objective=ObjectiveConfig(sentence_weight=0, balance_losses=True))
    pretrain(prepared, tmp_path / "run", config, on_cpu)
    entries = read_metrics(tmp_path / "run")
    assert [entry["val/loss"] for entry in entries] == pytest.approx([3, 3])
    lowest = min(entries, key=lambda entry: entry["val/contrastive"] + 2 * entry["val/tags"])
    assert lowest != entries[0]
    assert read_checkpoint(tmp_path / "run" / BEST)["step"] == lowest["step"]


def test_validation_reads_with_the_workers_of_training(prepared, tiny_config, on_cpu, tmp_path, monkeypatch):
    asked = []

    def noted(images, order, workers):
        asked.append((len(images), workers))
        return loader(images, order, workers=0)

    monkeypatch.setattr(loop, "loader", noted)
    config = replace(tiny_config, optimization=replace(tiny_config.optimization, epochs=1, batch_size=4))
    pretrain(prepared, tmp_path / "run", config, replace(on_cpu, workers=5))
    # Eight validation studies are two batches.
    assert asked == [(32, 5), (8, 2)]


def test_a_run_without_a_step_is_not_exported(prepared, tiny_config, on_cpu, tmp_path, monkeypatch):
    def die(self, batches):
        raise Interrupted

    monkeypatch.setattr(Trainer, "train_step", die)
    with pytest.raises(Interrupted):
        pretrain(prepared, tmp_path / "run", tiny_config, on_cpu)
    for checkpoint in ("latest", "best"):
        with pytest.raises(UserError, match="finish its first epoch"):
            export_run(tmp_path / "run", tmp_path / "bundle", checkpoint, "CC0-1.0")


@pytest.mark.parametrize("option", ["workers", "checkpoint_steps"])
def test_runtime_options_that_make_no_sense_are_refused(on_cpu, option):
    with pytest.raises(UserError, match=f"--{option.replace('_', '-')} must be at least"):
        replace(on_cpu, **{option: -1})


def test_an_input_size_that_the_stages_cannot_halve_is_refused_before_any_work():
    with pytest.raises(UserError, match=r"--image-size \(100, 96\) does not fit --stages 6"):
        ImageConfig(image_size=(100, 96))
