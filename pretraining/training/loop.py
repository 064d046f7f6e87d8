"""The training loop: steps, validation, checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from pretraining.data.batches import Batch, StudyImages, loader
from pretraining.data.order import StudyOrder, shares_in_order
from pretraining.errors import UserError
from pretraining.processes import Processes
from pretraining.stopping import Stopped, StopRequest
from pretraining.training.checkpoint import (
    LATEST,
    random_state,
    read_last_checkpoint,
    restore_random_state,
    write_checkpoint,
)
from pretraining.training.config import TrainConfig
from pretraining.training.journal import Journal
from pretraining.training.optimizer import build_optimizer, build_schedule
from pretraining.training.pace import Pace
from pretraining.training.step import TrainingStep
from pretraining.training.task import PretrainingTask
from pretraining.training.validation import validate
from pretraining.training.watchers import open_watchers

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Runtime:
    """What changes how a run is carried out, but not its result.

    Attributes:
        device: where to compute.
        workers: processes that read images, as many again while validating; 0 reads in the training process.
        checkpoint_steps: steps between checkpoints within an epoch.
        micro_batch_size: studies that are embedded at once; a process's whole share of a step when None.
        compile: compile the image encoder.
        checkpoint_activations: keep fewer activations, and compute them again for the gradient.
        processes: who trains together; the first one alone writes the run's folder.
        tensorboard: whether to write event files for TensorBoard.
        wandb: project of Weights & Biases; empty for none.
    """

    device: torch.device
    workers: int
    checkpoint_steps: int
    micro_batch_size: int | None = None
    compile: bool = False
    checkpoint_activations: bool = False
    processes: Processes = field(default_factory=Processes)
    tensorboard: bool = False
    wandb: str = ""

    def __post_init__(self) -> None:
        for name, least in (("workers", 0), ("checkpoint_steps", 1), ("micro_batch_size", 1)):
            if getattr(self, name) is not None and getattr(self, name) < least:
                raise UserError(f"--{name.replace('_', '-')} must be at least {least}, not {getattr(self, name)}")


@dataclass
class Progress:
    """Where a run stands.

    Attributes:
        step: steps taken.
        epochs: epochs recorded.
        sums: sums of the losses of the epoch under way, and `steps`, their count.
        best: lowest score so far, see `Trainer._score`; None before the first.
    """

    step: int = 0
    epochs: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    best: float | None = None


class Trainer:
    """Trains a task on a prepared folder's studies, from wherever its folder's last checkpoint stands.

    Args:
        folder: the run's folder.
        task: model and losses, on the device.
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
        self.task = task
        self.training = training
        self.validation = validation
        self.config = config
        self.options = config.optimization
        self.runtime = runtime
        self.journal = Journal(folder)
        self.progress = Progress()
        self.pace = Pace()
        self.stop = StopRequest()
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

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's folder."""
        return self.runtime.processes.rank == 0

    def run(self) -> int:
        """Train to the end, or until a signal asks to stop: then the step is finished and saved.

        Returns:
            The exit code: 0 at the end, 143 or 130 (after Ctrl-C) when stopped.

        Raises:
            UserError: a loss or its gradient is not finite, no checkpoint can be read, or the disk is full.
        """
        self.resume()
        if self.progress.epochs >= self.options.epochs:
            LOG.info("%s is already trained: %d steps", self.folder, self.steps)
            return 0
        if self.writes:
            watch = self.runtime.tensorboard, self.runtime.wandb
            self.journal.watchers = open_watchers(self.folder, *watch, self.config.to_dict(), self.progress.step)
        self.task.train()
        with self.stop, closing(self.journal):
            try:
                batches = self.pace.timed(self._batches())
                while self.progress.epochs < self.options.epochs:
                    self._finish_epoch(batches)
            except Stopped:
                self.save()
                LOG.info("stopped and saved at step %d of %d", self.progress.step, self.steps)
                return self.stop.exit_code
        return 0

    def _batches(self) -> Iterator[Batch]:
        self.order.first_step = self.progress.step
        return loader(self.training, self.order, self.runtime.workers)

    def _finish_epoch(self, batches: Iterator[Batch]) -> None:
        """Take the steps that the epoch under way lacks, if any, then validate and record it."""
        done = self.progress.step - self.progress.epochs * self.order.steps_per_epoch
        self.pace.restart()
        bar = tqdm(
            total=self.order.steps_per_epoch,
            initial=done,
            desc=f"epoch {self.progress.epochs + 1}/{self.options.epochs}",
            unit="step",
            leave=self.progress.epochs + 1 == self.options.epochs,
            disable=not self.writes,
        )
        with bar:
            for _ in range(done, self.order.steps_per_epoch):
                losses = self.train_step(batches)
                if self.writes:
                    self.journal.add_step(self.progress.step, losses)
                bar.update()
                shown = {name: f"{loss:.3f}" for name, loss in losses.items()}
                bar.set_postfix(shown | {"studies/s": f"{self.pace.throughput:.3g}", "wait": f"{self.pace.wait:.0%}"})
                self._stop_if_asked()
                ends_epoch = self.progress.step % self.order.steps_per_epoch == 0
                if not ends_epoch and self.progress.step % self.runtime.checkpoint_steps == 0:
                    self.save()
        self._record()

    def train_step(self, batches: Iterable[Batch]) -> dict[str, float]:
        """One step of the optimizer.

        Args:
            batches: this process's micro-batches; as many as the step has are taken.

        Returns:
            The losses by name.

        Raises:
            UserError: the loss or its gradient is not finite; nothing has changed then.
        """
        count = self.order.parts_of(self.progress.step)
        try:
            values = self.step(islice(batches, count), count)
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

    def _record(self) -> None:
        sums = self.progress.sums
        entry: dict[str, Any] = {"epoch": self.progress.epochs + 1, "step": self.progress.step}
        entry |= {f"train/{name}": total / sums["steps"] for name, total in sums.items() if name != "steps"}
        if self.pace.studies:
            processes = self.runtime.processes.count
            entry |= {"throughput": self.pace.throughput * processes, "data_wait": self.pace.wait}
        if len(self.validation):
            entry |= {f"val/{name}": value for name, value in self._validate().items()}
        score = self._score(entry)
        is_best = self.progress.best is None or score < self.progress.best
        best = score if is_best else self.progress.best
        self.progress = Progress(self.progress.step, self.progress.epochs + 1, {}, best)
        if self.writes:
            self.journal.add_epoch(entry)
        self.save(is_best)

    def _score(self, entry: Mapping[str, float]) -> float:
        """The weighted loss of an epoch, in validation where there is one; balanced losses would add up to the same."""
        split = "val" if "val/loss" in entry else "train"
        weights = self.config.objective.weights
        return sum(weight * entry[f"{split}/{name}"] for name, weight in weights.items() if weight)

    def _validate(self) -> dict[str, float | None]:
        size, processes = self.options.batch_size, self.runtime.processes
        steps = shares_in_order(len(self.validation), size, self.runtime.micro_batch_size or size, processes)
        order = [part for step in steps for part in step]
        batches = self._until_stopped(loader(self.validation, order, min(self.runtime.workers, len(order))))
        with self.step.autocast():
            return validate(self.task, batches, [len(step) for step in steps], processes)

    def _until_stopped(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            # Several processes wait for each other's scores: they stop together, after the next step.
            if self.runtime.processes.count == 1:
                self._stop_if_asked()
            yield batch

    def _stop_if_asked(self) -> None:
        """A signal may reach one process a step before another; all of them stop after the same one."""
        if self.runtime.processes.any(self.stop.asked, self.runtime.device):
            raise Stopped

    def save(self, best: bool = False) -> None:
        """Write what a killed run goes on from.

        Args:
            best: the epoch that just ended is the best so far.
        """
        random_states = self.runtime.processes.gather_objects(random_state())
        if not self.writes:
            return
        self.journal.write_steps()
        state = {
            "step": self.progress.step,
            "epochs": self.progress.epochs,
            "sums": self.progress.sums,
            "best": self.progress.best,
            "task": self.task.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.step.scaler.state_dict(),
            "random": random_states,
        }
        write_checkpoint(self.folder, state, best)

    def resume(self) -> None:
        """Take up the last checkpoint that can be read; a new run begins with one, before its first step.

        Raises:
            UserError: there are checkpoints, but none can be read; or there were some, but they are gone.
        """
        state = read_last_checkpoint(self.folder)
        if state is not None:
            self._restore(state)
            LOG.info("resuming %s at step %d of %d", self.folder, self.progress.step, self.steps)
        elif self.journal.has_steps():
            raise UserError(
                f"{self.folder} was trained already, but its checkpoints are gone; put {LATEST} back, or give another "
                "--output to start afresh"
            )
        # Nobody changes the folder before everybody has read it.
        self.runtime.processes.wait()
        if self.writes:
            self.journal.rewind(self.progress.step, self.progress.epochs)
        if state is None:
            self.save()

    def _restore(self, state: dict[str, Any]) -> None:
        self.task.load_state_dict(state["task"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.step.scaler.load_state_dict(state["scaler"])
        processes, states = self.runtime.processes, state["random"]
        if len(states) == processes.count:
            restore_random_state(states[processes.rank])
        else:
            LOG.warning("%d processes go on where %d stood: random numbers differ", processes.count, len(states))
        self.progress = Progress(state["step"], state["epochs"], dict(state["sums"]), state["best"])
