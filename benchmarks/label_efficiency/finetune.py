"""Runs one cell, nnU-Net's training and final validation, in this process; and trains the networks of ceilings."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np
import torch
from nnunetv2.training.dataloading import data_loader
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor, nn

from benchmarks.label_efficiency.batches import shared_batches
from benchmarks.label_efficiency.cells import Cell, Student, Teacher
from benchmarks.label_efficiency.design import ARMS, FAMILIES, Schedule, Size, Tuning
from benchmarks.label_efficiency.folders import PLANS, Folders, variables
from benchmarks.label_efficiency.patients import fold_of, folds, nnunet_variables, teacher_fold, write_folds
from benchmarks.label_efficiency.records import arm_settings
from benchmarks.label_efficiency.threads import threads_for_processes
from benchmarks.label_efficiency.trainers import TRAINERS, UNETR_TRAINERS
from nnunetv2_mosmos.attach.attachment import BUNDLE_VARIABLE
from nnunetv2_mosmos.settings import KEY
from nnunetv2_mosmos.trainers import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.map_effect import EFFECT_FILE
from pretraining.errors import UserError
from pretraining.studies.atomic import atomic_path

# Further than the seeds of all splits reach.
MEMBER_STRIDE = 100_000
CURVES = ("train_losses", "val_losses", "ema_fg_dice")
"""What nnU-Net logs of every epoch."""


def finetune(cell: Cell, folders: Folders, size: Size) -> dict[str, Any]:
    """Train and score a cell.

    All randomness of an arm starts from the finetuning seed, once before the network is built and once before the
    first batch: arms see the same patches in the same order, see `shared_batches`.

    Returns:
        What the record keeps.
    """
    started = time.process_time()
    fold = fold_of(cell.cases, cell.finetuning)
    with surroundings(cell, folders):
        trainer = begin(cell, fold, folders, size)
        with shared_batches(trainer, folders.batches(cell)):
            trainer.run_training()
        trained = time.process_time()
        trainer.perform_actual_validation()
        found = _results(trainer, size)
    return {
        "arm": arm_settings(cell.arm),
        "training_seconds": trained - started,
        "seeds": {
            "finetuning": cell.finetuning_seed,
            "pretraining": cell.pretraining_seed if ARMS[cell.arm].pretrained else None,
        },
        "steps": trainer.num_epochs * trainer.num_iterations_per_epoch,
        "mirrored_axes": list(trainer.inference_allowed_mirroring_axes or ()),
        "labelled_cases": folds(size, cell.split)[fold]["train"],
        **found,
    }


def teach(teacher: Teacher, folders: Folders, size: Size) -> dict[str, Any]:
    """Train a network on labelled cases, and keep its weights.

    Returns:
        What the record keeps.

    Raises:
        UserError: the task has no such cases.
    """
    own = teacher.cases is not None
    fold = fold_of(teacher.cell.cases, teacher.finetuning) if own else teacher_fold(teacher.finetuning)
    learned_from = folds(size, teacher.split)[fold]["train"]
    if not learned_from:
        raise UserError(f"--task {size.task} has no labelled cases beside the cells' own: leave ceilings out of --arms")
    with surroundings(teacher, folders):
        trainer = begin(teacher.cell, fold, folders, size, teacher.member)
        # The first member's cases are those of cells, which share their batches.
        shared = own and teacher.member == 0
        with shared_batches(trainer, folders.batches(teacher.cell)) if shared else nullcontext():
            trainer.run_training()
    keep_weights(trainer, folders.weights(teacher))
    return {"labelled_cases": learned_from}


def keep_weights(trainer: nnUNetTrainer, file: Path) -> None:
    """Write what a trainer's network has learned."""
    with atomic_path(file) as temporary:
        torch.save(trainer.network.state_dict(), temporary)


@contextmanager
def surroundings(job: Cell | Teacher | Student, folders: Folders) -> Iterator[None]:
    """nnU-Net's folders, one thread, and what is printed in a log."""
    log = folders.root / "logs" / f"{job.name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    # A results folder a cell: bundles never meet in one.
    with TemporaryDirectory() as results, log.open("w", encoding="utf-8") as console:
        values = {**nnunet_variables(folders, job.split), "nnUNet_results": results, "nnUNet_n_proc_DA": "0"}
        if isinstance(job, Cell) and job.needs is not None:
            values[BUNDLE_VARIABLE] = str(folders.bundle(job.needs))
        # nnU-Net lowers the number of threads for every batch, which takes as long as a forward pass; here it is one.
        single = mock.patch.object(data_loader, "threadpool_limits", return_value=nullcontext())
        with variables(values), threads_for_processes(), single, redirect_stdout(console):
            yield


def begin(cell: Cell, fold: int, folders: Folders, size: Size, member: int = 0) -> nnUNetTrainer:
    """A cell's trainer, or that of another member of its ensemble, as it stands before the first batch."""
    write_folds(folders, size, cell.split)
    trainer = build_trainer(cell, fold, folders.preprocessed(cell.split), size)
    start(trainer, cell, size, member)
    if cell.start is not None:
        take_weights(trainer.network, torch.load(folders.weights(cell.start)), ARMS[cell.arm].taught == "encoder")
    return trainer


def start(trainer: nnUNetTrainer, cell: Cell, size: Size, member: int = 0) -> None:
    """Build a trainer's network; all randomness of before and after starts from the cell's finetuning seed."""
    seed = cell.finetuning_seed + member * MEMBER_STRIDE
    seed_everything(seed)
    trainer.initialize()
    set_rates(trainer, size.schedules[cell.family], ARMS[cell.arm].tuning.rate)
    seed_everything(seed)


def take_weights(network: nn.Module, learned: Mapping[str, Tensor], encoder_alone: bool) -> None:
    """Start from what another network has learned.

    Args:
        network: U-Net of nnU-Net's, whose decoder names the encoder's weights a second time.
        learned: state dictionary of an equal network.
        encoder_alone: or of all of it, segmentation heads included.
    """
    chosen = {name: value for name, value in learned.items() if not encoder_alone or "encoder" in name.split(".")}
    network.load_state_dict({**network.state_dict(), **chosen})


def build_trainer(cell: Cell, fold: int | str, dataset: Path, size: Size) -> nnUNetTrainer:
    """The cell's trainer for a fold of a preprocessed dataset, on the benchmark's schedule."""
    trainers = UNETR_TRAINERS if cell.family == "unetr" else TRAINERS
    plans, description = (json.loads((dataset / name).read_text(encoding="utf-8")) for name in (PLANS, "dataset.json"))
    # nnU-Net's own `get_trainer_from_args` notes it, too.
    plans["continue_training"] = False
    trainer = trainers[ARMS[cell.arm].trainer](
        plans,
        FAMILIES[cell.family].configuration,
        fold,
        description,
        torch.device("cpu"),
    )
    tune(trainer, ARMS[cell.arm].tuning)
    schedule = size.schedules[cell.family]
    trainer.num_epochs = schedule.epochs * cell.length
    trainer.num_iterations_per_epoch = schedule.iterations
    trainer.num_val_iterations_per_epoch = schedule.validation_iterations
    trainer.disable_checkpointing = True
    # The record keeps the curves; to draw them takes as long as an epoch.
    trainer.logger.plot_progress_png = lambda folder: None
    return trainer


def tune(trainer: nnUNetTrainer, tuning: Tuning) -> None:
    """Change what an arm changes of its trainer, before the network is built."""
    for name in ("encoder_rate", "auxiliary_weight"):
        if (value := getattr(tuning, name)) is not None:
            setattr(trainer, name, value)
    if tuning.injected is not None:
        assert isinstance(trainer, nnUNetTrainerMOSMOS)
        assert trainer.settings.maps is not None
        maps = replace(trainer.settings.maps, injected=tuning.injected)
        trainer.settings = replace(trainer.settings, maps=maps)
        trainer.plans_manager.plans[KEY] = trainer.settings.to_dict()


def set_rates(trainer: nnUNetTrainer, schedule: Schedule, factor: float) -> None:
    """Give a trainer the schedule's momentum and a multiple of its rate; pretrained to new weights' ratio stays."""
    trainer.lr_scheduler.initial_lr = factor * schedule.rate
    for group in trainer.optimizer.param_groups:
        if "momentum" in group:
            group["momentum"] = schedule.momentum


def seed_everything(seed: int) -> None:
    """Seed all that nnU-Net draws from; its augmentation runs in this process."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (nnU-Net's loader draws from it)
    torch.manual_seed(seed)


def _results(trainer: nnUNetTrainer, size: Size) -> dict[str, Any]:
    """Dice by case and organ, null where neither has the organ; curves; what maps were worth."""
    folder = Path(trainer.output_folder)
    summary = json.loads((folder / "validation" / "summary.json").read_text(encoding="utf-8"))
    dice = {
        Path(case["prediction_file"]).name.removesuffix(".nii.gz"): {
            organ: _number(case["metrics"][str(value)]["Dice"]) for value, organ in enumerate(size.organs, start=1)
        }
        for case in summary["metric_per_case"]
    }
    curves = {name: trainer.logger.get_value(name, step=None) for name in CURVES}
    effect = folder / EFFECT_FILE
    return {
        "dice": dice,
        "curves": {name: list(map(_number, curve)) for name, curve in curves.items()},
        "map_effect": json.loads(effect.read_text(encoding="utf-8")) if effect.is_file() else None,
    }


def _number(value: float) -> float | None:
    # Six digits say all that a Dice of some thousand voxels can; records of hundreds of cells are kept.
    return None if np.isnan(value) else round(float(value), 6)
