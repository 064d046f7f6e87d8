"""`mosmos_pretrain train` that a signal hits at a chosen moment, for the benchmark `resume` and the tests of resuming.

    python -m benchmarks.interrupted_training KIND STEP train --data PREPARED --output RUN ...

It prints the number of every step that it finished: the last line tells what a kill found done. No checkpoint may be
there yet, so that steps count from 1.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pretraining.cli.main import main
from pretraining.training.checkpoint import LATEST
from pretraining.training.loop import Trainer

IN_STEP = "kill -9 in a step, before its update"
HALF_WRITTEN = "kill -9 with half of a checkpoint written"
BETWEEN_RENAMES = "kill -9 between a checkpoint's renames"
SIGTERM_IN_STEP = "SIGTERM in a step"


def signal_in_step(step: int, number: signal.Signals) -> None:
    """Signal this process when the step has its gradients, and weights are not changed yet."""
    updates = []

    def count(*_: object) -> None:
        updates.append(None)
        if len(updates) == step:
            os.kill(os.getpid(), number)

    register_optimizer_step_pre_hook(count)


def kill_in_save(step: int) -> None:
    """Kill this process with half of the step's checkpoint on the disk."""
    save = torch.save

    def write(state: dict[str, Any], file: BinaryIO) -> None:
        save(state, file)
        if state["step"] == step:
            file.truncate(file.tell() // 2)
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    torch.save = write  # type: ignore[assignment]


def kill_before_naming(step: int) -> None:
    """Kill this process when the step's checkpoint is written and the one before it has lost its name to it."""
    save, replace = torch.save, os.replace
    written = []

    def write(state: dict[str, Any], file: BinaryIO) -> None:
        save(state, file)
        written.append(state["step"])

    def rename(source: Path, target: Path) -> None:
        if Path(target).name == LATEST and written[-1] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    torch.save, os.replace = write, rename  # type: ignore[assignment]


MOMENTS: dict[str, Callable[[int], None]] = {
    IN_STEP: lambda step: signal_in_step(step, signal.SIGKILL),
    HALF_WRITTEN: kill_in_save,
    BETWEEN_RENAMES: kill_before_naming,
    SIGTERM_IN_STEP: lambda step: signal_in_step(step, signal.SIGTERM),
}


def print_steps() -> None:
    """Let every finished step print its number."""
    take = Trainer.train_step

    def train_step(self: Trainer, batches: Any) -> dict[str, float]:
        losses = take(self, batches)
        print(self.progress.step, flush=True)
        return losses

    Trainer.train_step = train_step  # type: ignore[method-assign]


if __name__ == "__main__":
    kind, number, *arguments = sys.argv[1:]
    print_steps()
    MOMENTS[kind](int(number))
    sys.exit(main(arguments))
