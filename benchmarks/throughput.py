"""Real pretraining against the same step on tensors already in memory, in one run, 2D and 3D.

    python -m benchmarks.throughput
    python -m benchmarks.throughput --dims 3 --batch-size 16 --block 20 --device cuda
    python -m benchmarks.throughput --open-clip-python OTHER_VENV/bin/python

Synthetic patients are written and prepared, and a run is built from them as `mosmos_pretrain train` builds it. Blocks
of steps then alternate between batches that the loader reads (decompression, normalization, scaling into the input,
augmentation, in worker processes) and the same batches once more, from memory. A ratio of two neighboring blocks
forgives a machine whose speed drifts; the table shows the median of these ratios and its quartiles.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import tyro

from benchmarks.alternating_blocks import quartiles, synchronize
from benchmarks.record import Cell, Outcome, conclude
from benchmarks.synthetic_run import build_trainer, write_studies
from pretraining.data.batches import Batch, StudyImages, loader
from pretraining.device import choose_device
from pretraining.image.fit import apply_fit, fit_of
from pretraining.studies.arrays import read_array
from pretraining.training.config import ImageConfig, OptimizationConfig, TextConfig, TrainConfig
from pretraining.training.loop import Runtime, Trainer

logger = logging.getLogger(__name__)

REACH = 0.95
CORES = os.cpu_count() or 1
HERE = Path(__file__).parent
# Stored images are larger than the input, as real ones are: 2D as `prepare` leaves pictures, 3D like a small CT.
STORED = {2: (512, 512), 3: (64, 128, 128)}
INPUT = {2: (224, 224), 3: (48, 96, 96)}
STAGES = {2: 6, 3: 5}
QUICK_STORED = {2: (128, 128), 3: (32, 64, 64)}
QUICK_INPUT = {2: (48, 48), 3: (16, 32, 32)}
QUICK_STAGES = 4


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """Few and small studies, short blocks: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    dims: tuple[int, ...] = (2, 3)
    """Which of 2D and 3D."""
    studies: int = 32
    """Synthetic studies on disk."""
    batch_size: int = 4
    """Studies a step."""
    block: int = 4
    """Timed steps a block."""
    blocks: int = 8
    """Pairs of blocks."""
    workers: int = max(1, min(8, CORES - 1))
    """Processes that read images."""
    threads: int = max(1, CORES - max(1, min(8, CORES - 1)))
    """Threads that compute, where the step runs on the CPU."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`."""
    open_clip_python: Path | None = None
    """Interpreter of an environment with open_clip beside these packages; its loop is then timed on the same model."""


def small_config(dim: int, quick: bool, batch_size: int) -> TrainConfig:
    """nnU-Net's encoder and a small text encoder on the benchmark's input."""
    return TrainConfig(
        image=ImageConfig(
            dim=2 if dim == 2 else 3,
            stages=QUICK_STAGES if quick else STAGES[dim],
            image_size=QUICK_INPUT[dim] if quick else INPUT[dim],
        ),
        text=TextConfig(scratch_layers=1 if quick else 4),
        optimization=OptimizationConfig(batch_size=batch_size, epochs=1000),
    )


def measure(trainer: Trainer, options: Options) -> dict[str, list[float]]:
    """Seconds a step, read and in memory, and those of the former spent waiting; block by block.

    A block in memory repeats the batches of the block before it: what texts and images cost is the same in both.
    """
    workers = trainer.runtime.workers
    reading = loader(trainer.training, trainer.order, workers)
    trainer.task.train()
    # What workers read ahead is used up, or refilled, before the clock starts: the timed steps are in a steady state.
    lead = 2 * workers + 1
    blocks: dict[str, list[float]] = {"read": [], "waiting": [], "memory": []}
    for _ in range(options.blocks):
        read = time_block(trainer, reading, lead, options.block)
        memory = time_block(trainer, itertools.cycle(read.batches), lead, options.block)
        blocks["read"].append(read.seconds)
        blocks["waiting"].append(read.waiting)
        blocks["memory"].append(memory.seconds)
    return blocks


@dataclass(frozen=True)
class Block:
    """A timed block: seconds a step, those of them spent waiting for the batch, and the batches."""

    seconds: float
    waiting: float
    batches: list[Batch]


def time_block(trainer: Trainer, batches: Iterator[Batch], lead: int, steps: int) -> Block:
    """Time `steps` steps, after `lead` untimed ones."""
    for _ in range(lead):
        trainer.train_step([next(batches)])
    waiting, used = 0.0, []
    synchronize(trainer.runtime.device)
    start = time.perf_counter()
    for _ in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waiting += time.perf_counter() - asked
        trainer.train_step([batch])
        used.append(batch)
    synchronize(trainer.runtime.device)
    seconds = (time.perf_counter() - start) / steps
    return Block(seconds, waiting / steps, [batch.to(trainer.runtime.device) for batch in used])


def reading_costs(images: StudyImages, studies: int = 24) -> dict[str, float]:
    """Milliseconds of one core that each part of reading takes a study, the mean over studies."""
    totals = dict.fromkeys(("read", "normalize", "fit", "augment"), 0.0)
    studies = min(studies, len(images))
    for index in range(studies):
        pair = images.pairs[index]
        clock = [time.process_time()]
        stored = read_array(pair.image)
        clock.append(time.process_time())
        image = images.normalization(stored)
        clock.append(time.process_time())
        fitted = apply_fit(image, fit_of(image.shape[1:], images.size, pair.spacing))
        clock.append(time.process_time())
        assert images.augmentation is not None
        images.augmentation(fitted, (0, 0, index))
        clock.append(time.process_time())
        for name, seconds in zip(totals, np.diff(clock), strict=True):
            totals[name] += 1000 * float(seconds) / studies
    return totals


def run_dimension(dim: int, options: Options, folder: Path) -> dict[str, Any]:
    """Everything about one dimension."""
    size = QUICK_STORED[dim] if options.quick else STORED[dim]
    prepared = write_studies(folder, dim, size, options.studies)
    runtime = Runtime(choose_device(options.device), options.workers, checkpoint_steps=10**9)
    config = small_config(dim, options.quick, options.batch_size)
    trainer = build_trainer(prepared, folder / "run", config, runtime)
    costs = reading_costs(trainer.training)
    blocks = measure(trainer, options)
    ratios = [memory / read for read, memory in zip(blocks["read"], blocks["memory"], strict=True)]
    found = {
        "stored": list(size),
        "input": list(config.image.image_size),
        "ratio_quartiles": quartiles(ratios),
        "seconds_a_step": {name: quartiles(values)[1] for name, values in blocks.items()},
        "waiting_share": sum(blocks["waiting"]) / sum(blocks["read"]),
        "blocks": blocks,
        "reading_milliseconds_a_study": costs,
    }
    if options.open_clip_python is not None:
        found["open_clip"] = run_open_clip(options.open_clip_python, prepared, folder / "run", options)
    return found


def run_open_clip(python: Path, prepared: Path, run: Path, options: Options) -> dict[str, Any] | None:
    """Seconds a step of open_clip's loop and ours on the same model; None, aloud, where it cannot run."""
    job = {
        "prepared": str(prepared),
        "run": str(run),
        "steps": options.block,
        "blocks": options.blocks,
        "device": options.device,
        "threads": options.threads,
    }
    command = [str(python), "-m", "benchmarks.open_clip_baseline"]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, check=False, cwd=HERE.parent
        )
    except OSError as error:
        logger.warning("open_clip SKIPPED: %s cannot be run (%s)", python, error.strerror)
        return None
    if done.returncode:
        logger.warning("open_clip SKIPPED: %s", done.stderr.strip().splitlines()[-1] if done.stderr else "it failed")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main(options: Options) -> None:
    """Measure, and print the table."""
    if options.quick:
        options = replace(options, studies=8, batch_size=2, block=2, blocks=3)
    torch.set_num_threads(options.threads)
    figures: dict[str, Any] = {"threads": options.threads, "workers": options.workers, "reach": REACH}
    rows: list[list[Cell]] = []
    for dim in options.dims:
        with TemporaryDirectory() as folder:
            found = run_dimension(dim, options, Path(folder))
        figures[f"{dim}d"] = found
        low, middle, high = found["ratio_quartiles"]
        seconds, costs = found["seconds_a_step"], found["reading_milliseconds_a_study"]
        rows.append(
            [
                f"{dim}D, {'x'.join(map(str, found['stored']))} -> {'x'.join(map(str, found['input']))}",
                options.batch_size / seconds["memory"],
                options.batch_size / seconds["read"],
                middle,
                f"{low:.3f} to {high:.3f}",
                found["waiting_share"],
                " + ".join(f"{milliseconds:.1f}" for milliseconds in costs.values()),
            ]
        )
    conclude(
        Outcome(
            benchmark="throughput",
            title=f"Pretraining throughput, read from disk against batches in memory (reach: {REACH})",
            columns=(
                "what",
                "studies/s, in memory",
                "studies/s, read",
                "ratio",
                "quartiles",
                "time spent waiting",
                "a core's ms a study: read + normalize + fit + augment",
            ),
            rows=rows,
            notes=_notes(figures, options),
            figures=figures,
        ),
        quick=options.quick,
        file=options.json,
    )


def _notes(figures: dict[str, Any], options: Options) -> list[str]:
    notes = [
        f"Batches of {options.batch_size}, {options.workers} worker(s), {options.threads} computing thread(s), "
        f"{options.blocks} pairs of blocks of {options.block} steps."
    ]
    if options.open_clip_python is None:
        return [*notes, "open_clip: not compared, no --open-clip-python was given."]
    for dim in options.dims:
        found = figures[f"{dim}d"]["open_clip"]
        if found is None:
            notes.append(f"open_clip, {dim}D: could not be run.")
        else:
            notes.append(
                f"open_clip {found['version']}, {dim}D, batches in memory: with the same model and contrast, a step of "
                f"our loop takes {found['contrast_ratio_quartiles'][1]:.3f} of the time of a step of its loop, with "
                f"tags and sentences too {found['whole_ratio_quartiles'][1]:.2f}."
            )
    return notes


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    main(tyro.cli(Options, description=__doc__))
