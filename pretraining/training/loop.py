"""The training loop: steps, validation, checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from pretraining.errors import UserError
from pretraining.training.checkpoint import (
    BEST,
    LATEST,
    PREVIOUS,
    keep_previous,
    random_state,
    read_checkpoint,
    restore_random_state,
    write_checkpoint,
)
from pretraining.training.config import TrainConfig
from pretraining.training.data import Batch, StudyImages, in_order, loader
from pretraining.training.journal import Journal
from pretraining.training.optimizer import build_optimizer, build_schedule
from pretraining.training.order import StudyOrder
from pretraining.training.processes import Processes
from pretraining.training.step import TrainingStep
from pretraining.training.task import PretrainingTask
from pretraining.training.validation import validate

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Runtime:
    """What changes how a run is carried out, but not its result.

    Attributes:
        device: where to compute.
        workers: processes that read images; 0 reads in the training process.
        checkpoint_steps: steps between checkpoints within an epoch.
        micro_batch_size: studies that are embedded at once; a process's whole share of a step when None.
        compile: compile the image encoder.
        checkpoint_activations: keep fewer activations, and compute them again for the gradient.
        processes: who trains together.
    """

    device: torch.device
    workers: int
    checkpoint_steps: int
    micro_batch_size: int | None = None
    compile: bool = False
    checkpoint_activations: bool = False
    processes: Processes = field(default_factory=Processes)


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: steps taken.
        sums: sums of the losses of the epoch under way, and `steps`, their count.
        best: lowest validation loss so far, None before the first.
    """

    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: float | None = None


class Trainer:
    """Trains a task on a prepared folder's studies, from wherever its folder's last checkpoint stands.

    Args:
        folder: the run's folder.
        task: model and losses.
        training: the training studies.
        validation: the validation studies; may be empty.
        config: the run's options.
        runtime: device, workers, checkpoint interval.
    """

    def __init__(
        self,
        folder: Path,
        task: PretrainingTask,
        training: StudyImages,
        validation: StudyImages,
        config: TrainConfig,
        runtime: Runtime,
    ) -> None:
        self.folder = folder
        self.task = task.to(runtime.device)
        self.training = training
        self.validation = validation
        self.options = config.optimization
        self.runtime = runtime
        self.journal = Journal(folder)
        self.progress = Progress()
        self.order = StudyOrder(
            len(training),
            self.options.batch_size,
            self.options.seed,
            micro_batch_size=runtime.micro_batch_size,
            processes=runtime.processes,
        )
        self.steps = self.order.steps_per_epoch * self.options.epochs
        self.optimizer = build_optimizer(task, config)
        self.schedule = build_schedule(self.optimizer, self.steps, self.options.warmup_fraction)
        self.step = TrainingStep(task, self.optimizer, self.options, runtime.processes)

    def run(self) -> None:
        """Train to the end.

        Raises:
            UserError: a loss is not finite, or no checkpoint can be read.
        """
        self.resume()
        if self.progress.step >= self.steps:
            LOG.info("%s is already trained: %d steps", self.folder, self.steps)
            return
        self.task.train()
        batches = self._batches()
        while self.progress.step < self.steps:
            self._finish_epoch(batches)

    def _batches(self) -> Iterator[Batch]:
        self.order.first_step = self.progress.step
        return loader(self.training, self.order, self.runtime.workers)

    def _finish_epoch(self, batches: Iterator[Batch]) -> None:
        epoch, done = divmod(self.progress.step, self.order.steps_per_epoch)
        bar = tqdm(
            total=self.order.steps_per_epoch,
            initial=done,
            desc=f"epoch {epoch + 1}/{self.options.epochs}",
            unit="step",
            leave=epoch + 1 == self.options.epochs,
        )
        with bar:
            for _ in range(done, self.order.steps_per_epoch):
                losses = self.train_step(islice(batches, self.order.parts_of(self.progress.step)))
                bar.update()
                bar.set_postfix({name: f"{loss:.3f}" for name, loss in losses.items()})
                ends_epoch = self.progress.step % self.order.steps_per_epoch == 0
                if not ends_epoch and self.progress.step % self.runtime.checkpoint_steps == 0:
                    self.save()
        self._record(epoch)

    def train_step(self, parts: Iterable[Batch]) -> dict[str, float]:
        """One step of the optimizer.

        Args:
            parts: this process's micro-batches of the step.

        Returns:
            The losses by name.

        Raises:
            UserError: the loss is not finite; nothing has changed then.
        """
        try:
            values = self.step(parts, self.order.parts_of(self.progress.step))
        except UserError as error:
            raise UserError(
                f"step {self.progress.step + 1}: {error}; the last checkpoint in {self.folder} is intact"
            ) from error
        self.schedule.step()
        self.progress.step += 1
        sums = self.progress.sums
        for name, value in {**values, "steps": 1.0}.items():
            sums[name] = sums.get(name, 0.0) + value
        return values

    def _record(self, epoch: int) -> None:
        sums = self.progress.sums
        entry: dict[str, Any] = {"epoch": epoch + 1, "step": self.progress.step}
        entry |= {f"train/{name}": total / sums["steps"] for name, total in sums.items() if name != "steps"}
        if len(self.validation):
            batches = loader(self.validation, in_order(len(self.validation), self.options.batch_size), 0)
            with self.step.autocast():
                scores = validate(self.task, batches, self.runtime.device)
            entry |= {f"val/{name}": value for name, value in scores.items()}
        self.progress.sums = {}
        score = entry.get("val/loss", entry["train/loss"])
        is_best = self.progress.best is None or score < self.progress.best
        if is_best:
            self.progress.best = score
        self.journal.add(entry)
        self.save()
        if is_best:
            write_checkpoint(self.folder / BEST, self._state())

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.progress.step,
            "sums": self.progress.sums,
            "best": self.progress.best,
            "task": self.task.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.step.scaler.state_dict(),
            "random": random_state(),
        }

    def save(self) -> None:
        """Write the latest checkpoint; the one before it stays as the previous."""
        keep_previous(self.folder)
        write_checkpoint(self.folder / LATEST, self._state())

    def resume(self) -> None:
        """Take up the latest checkpoint that can be read; start afresh where there is none.

        Raises:
            UserError: there are checkpoints, but none can be read.
        """
        files = [self.folder / name for name in (LATEST, PREVIOUS) if (self.folder / name).exists()]
        for file in files:
            try:
                state = read_checkpoint(file)
            except UserError as error:
                LOG.warning("%s; trying the one before it", error)
                continue
            self._restore(state)
            LOG.info("resuming %s at step %d of %d", self.folder, self.progress.step, self.steps)
            return
        if files:
            raise UserError(f"no checkpoint in {self.folder} can be read; give another --output to start afresh")

    def _restore(self, state: dict[str, Any]) -> None:
        self.task.load_state_dict(state["task"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.step.scaler.load_state_dict(state["scaler"])
        restore_random_state(state["random"])
        self.progress = Progress(state["step"], dict(state["sums"]), state["best"])
        self.journal.forget_after(self.progress.step // self.order.steps_per_epoch)
