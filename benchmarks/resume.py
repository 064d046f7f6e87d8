"""What a kill costs a pretraining run, and whether the resumed run is the one that nobody interrupted.

    python -m benchmarks.resume
    python -m benchmarks.resume --kills 30 --saves 5 --workers 2 --json resume.json

One run of `mosmos_pretrain train` is left alone. Every other one is a process that a signal hits: `kill -9` in steps
drawn at random and in the middle of saving a checkpoint, SIGTERM in a step. The same command, in a new process, then
takes it to its end, and all its losses from there on are compared with those of the run that was left alone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import tyro

from benchmarks.interrupted_training import BETWEEN_RENAMES, HALF_WRITTEN, IN_STEP, SIGTERM_IN_STEP
from benchmarks.record import CHECKOUT, Outcome, conclude
from benchmarks.synthetic_run import write_studies
from pretraining.training.journal import STEPS

BATCH = 8
MODEL = "--embedding-dim 64 --scratch-hidden-size 64 --scratch-layers 2"


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """A tiny run and a few kills: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    kills: int = 12
    """Kills in steps drawn at random."""
    saves: int = 2
    """Kills with half of a checkpoint written, and as many between its renames."""
    terminations: int = 2
    """SIGTERMs in steps drawn at random."""
    studies: int = 80
    """Synthetic studies."""
    image_size: int = 64
    """Pixels a side."""
    stages: int = 5
    """Stages of the encoder."""
    epochs: int = 6
    """Epochs of each run."""
    checkpoint_steps: int = 7
    """Steps between checkpoints within an epoch."""
    workers: int = 1
    """Processes that read images."""
    device: str = "cpu"
    """`cpu`, `cuda`: the same kernels must run in both processes, or no bit is the same."""
    seed: int = 0
    """Of the moments."""

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch."""
        return -(-self.studies // BATCH)

    @property
    def steps(self) -> int:
        """Steps of a run."""
        return self.steps_per_epoch * self.epochs

    def command(self, prepared: Path, run: Path) -> list[str]:
        """The words after `mosmos_pretrain`."""
        return [
            *("train", "--data", str(prepared), "--output", str(run)),
            *("--image-size", str(self.image_size), str(self.image_size), "--stages", str(self.stages)),
            *("--epochs", str(self.epochs), "--batch-size", str(BATCH), *MODEL.split()),
            *("--checkpoint-steps", str(self.checkpoint_steps), "--workers", str(self.workers)),
            *("--device", self.device),
        ]


@dataclass(frozen=True)
class Interruption:
    """One interrupted run.

    Attributes:
        moment: what happened. step: in which step, or while saving which.
        finished: steps that were done when the process ended. resumed_at: the step from which the next one went on.
        later: losses that the uninterrupted run has after that step. identical: how many of them the resumed run has,
            bit by bit.
        exit_codes: of the interrupted process (negative for the signal that ended it) and of the resumed one.
    """

    moment: str
    step: int
    finished: int
    resumed_at: int
    later: int
    identical: int
    exit_codes: tuple[int, int]

    @property
    def steps_lost(self) -> int:
        """Steps that had to be taken again."""
        return self.finished - self.resumed_at


def draw_moments(options: Options) -> list[tuple[str, int]]:
    """What happens, and in which step or while saving which; from the seed."""
    steps = range(1, options.steps + 1)
    saved = [step for step in steps if 0 in (step % options.steps_per_epoch, step % options.checkpoint_steps)]
    generator = np.random.default_rng(options.seed)

    def draw(kind: str, choices: list[int], count: int) -> Iterator[tuple[str, int]]:
        chosen = generator.choice(choices, min(count, len(choices)), replace=False)
        return ((kind, int(step)) for step in sorted(chosen))

    return [
        *draw(IN_STEP, list(steps), options.kills),
        *draw(HALF_WRITTEN, saved, options.saves),
        *draw(BETWEEN_RENAMES, saved, options.saves),
        *draw(SIGTERM_IN_STEP, list(steps), options.terminations),
    ]


def train(words: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a module of this checkout with the words after `python -m`."""
    return subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, encoding="utf-8", check=False, cwd=CHECKOUT
    )


def read_losses(run: Path) -> dict[tuple[int, str], str]:
    """Every loss by step and name, as hexadecimal digits: equal ones are the same bit by bit."""
    entries = map(json.loads, (run / STEPS).read_text(encoding="utf-8").splitlines())
    return {
        (entry["step"], name): float(value).hex()
        for entry in entries
        for name, value in entry.items()
        if name != "step"
    }


def interrupt(
    options: Options, prepared: Path, run: Path, moment: str, step: int, expected: dict[tuple[int, str], str]
) -> Interruption:
    """Interrupt a run, resume it with the same command, and compare.

    Args:
        options: what is trained.
        prepared: its studies.
        run: a folder for it.
        moment: what happens.
        step: when.
        expected: the losses of the uninterrupted run.
    """
    command = options.command(prepared, run)
    stopped = train(["benchmarks.interrupted_training", moment, str(step), *command])
    resumed = train(["pretraining.cli.main", *command])
    at = re.search(r"resuming .* at step (\d+) of", resumed.stderr)
    resumed_at = int(at.group(1)) if at else 0
    found = read_losses(run)
    later = [key for key in expected if key[0] > resumed_at]
    return Interruption(
        moment=moment,
        step=step,
        finished=int((stopped.stdout.split() or ["0"])[-1]),
        resumed_at=resumed_at,
        later=len(later),
        identical=sum(found.get(key) == expected[key] for key in later),
        exit_codes=(stopped.returncode, resumed.returncode),
    )


def measure(options: Options, folder: Path) -> list[Interruption]:
    """All runs, one after the other."""
    prepared = write_studies(folder, 2, (options.image_size,) * 2, options.studies)
    # A folder each: no run starts beside one with the same settings.
    undisturbed = folder / "undisturbed" / "run"
    undisturbed.parent.mkdir()
    done = train(["pretraining.cli.main", *options.command(prepared, undisturbed)])
    if done.returncode:
        raise RuntimeError(f"the uninterrupted run ended with {done.returncode}: {done.stderr}")
    expected = read_losses(undisturbed)
    found = []
    for number, (moment, step) in enumerate(draw_moments(options)):
        run = folder / str(number) / "run"
        run.parent.mkdir()
        found.append(interrupt(options, prepared, run, moment, step, expected))
    return found


def main(options: Options) -> None:
    """Measure, and print the table."""
    if options.quick:
        options = replace(options, kills=2, saves=1, terminations=1, studies=24, image_size=32, stages=3, epochs=3)
        options = replace(options, checkpoint_steps=2, workers=0)
    with TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    conclude(
        Outcome(
            benchmark="resume",
            title=f"Interrupted and resumed pretraining, {options.steps} steps on {options.device}",
            columns=(
                "moment",
                f"steps lost, of at most {options.checkpoint_steps}",
                "later losses bit-identical",
                "exit codes, interrupted and resumed",
            ),
            rows=[
                (
                    f"{one.moment} ({one.step})",
                    one.steps_lost,
                    f"{one.identical} of {one.later}",
                    ", ".join(map(str, one.exit_codes)),
                )
                for one in found
            ],
            seeds=(options.seed,),
            notes=[
                "In brackets: the step, or the one that was being saved. Checkpoints every "
                f"{options.checkpoint_steps} steps and after each epoch of {options.steps_per_epoch}; every process is "
                f"a new one, with {options.workers} worker(s). -9: the signal ended it."
            ],
            figures={
                "checkpoint_steps": options.checkpoint_steps,
                "steps": options.steps,
                "interruptions": [asdict(one) | {"steps_lost": one.steps_lost} for one in found],
            },
        ),
        quick=options.quick,
        file=options.json,
    )


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
