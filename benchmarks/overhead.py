"""What MOSMOS costs over plain nnU-Net: training step, peak memory and prediction, side by side on the same plans.

    python -m benchmarks.overhead
    python -m benchmarks.overhead --device cuda --volume-2d 40 512 512 --volume-3d 128 128 128 --batch-size 0

nnU-Net's planners plan both configurations for volumes of the given size, and both trainers go through nnU-Net's own
set-up: real widths and strides, eight organs, a bundle of random weights. Both take the same steps on the same batch in
blocks of the order plain, MOSMOS, MOSMOS, plain: a ratio of two neighboring blocks forgives a machine whose speed
drifts. The table shows the median of these ratios and its quartiles; processor time, on the CPU, leaves out what other
programs take. Peak memory is that of a process of its own. The default volumes are what two cores can do.
"""

from __future__ import annotations

import io
import logging
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import tyro

from benchmarks.planned_trainers import ARMS, PLANNERS, Plan, build_trainer, prepare, random_batch
from benchmarks.record import Cell, Outcome, conclude

REACH = 1.10
SEED = 0
WARM_UP = 1
STEPS_FOR_MEMORY = 2

Action = Callable[[], object]


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """Small volumes, seconds instead of minutes: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    configurations: tuple[str, ...] = ("2d", "3d_fullres")
    """Configurations of nnU-Net."""
    encoders: tuple[str, ...] = tuple(PLANNERS)
    """`plainconv`: nnU-Net's default planner; `resenc`: its preset M."""
    volume_2d: tuple[int, int, int] = (8, 192, 192)
    """Voxels of the volumes that 2d is planned for."""
    volume_3d: tuple[int, int, int] = (32, 64, 64)
    """Voxels of the volumes that 3d_fullres is planned for."""
    batch_size: int = 2
    """Patches a step; 0 for what nnU-Net plans."""
    embedding_dim: int = 256
    """Length of the bundle's embeddings; `mosmos_pretrain train` makes 256."""
    seconds: float = 20
    """Time for training steps, and again for predictions, of each network."""
    block_seconds: float = 1
    """A block takes as many steps as fit."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    threads: int = 1
    """Threads that compute, on the CPU."""


@dataclass(frozen=True)
class Cost:
    """What one step costs.

    Attributes:
        wall: seconds on the clock.
        processor: seconds of processor time of this process, all its threads.
    """

    wall: float
    processor: float


Pairs = list[tuple[Cost, Cost]]


def time_block(action: Action, steps: int, device: torch.device) -> Cost:
    """The mean cost of a step over a block."""
    synchronize(device)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        action()
    synchronize(device)
    return Cost((time.perf_counter() - wall) / steps, (time.process_time() - processor) / steps)


def synchronize(device: torch.device) -> None:
    """Wait for the GPU, where there is one."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def alternate(actions: Mapping[str, Action], seconds: float, block_seconds: float, device: torch.device) -> Pairs:
    """Run two actions in blocks of the order A B B A.

    Args:
        actions: plain and MOSMOS.
        seconds: no further four blocks start after that; four always run.
        block_seconds: a block takes as many steps as fit, and at least one.
        device: where they run.

    Returns:
        Neighboring blocks, plain first in each pair, whichever ran first.
    """
    plain, mosmos = (actions[arm] for arm in ARMS)
    for action in (plain, mosmos):
        time_block(action, WARM_UP, device)
    steps = max(1, math.floor(block_seconds / time_block(plain, 1, device).wall))
    pairs: Pairs = []
    end = time.perf_counter() + seconds
    while not pairs or time.perf_counter() < end:
        first, second, third, fourth = (time_block(action, steps, device) for action in (plain, mosmos, mosmos, plain))
        pairs += [(first, second), (fourth, third)]
    return pairs


def ratio_quartiles(pairs: Pairs, clock: str) -> list[float]:
    """First quartile, median and third quartile of MOSMOS over plain."""
    ratios = [getattr(mosmos, clock) / getattr(plain, clock) for plain, mosmos in pairs]
    return [float(value) for value in np.percentile(ratios, (25, 50, 75))]


def median_seconds(pairs: Pairs) -> list[float]:
    """Seconds a step of plain and of MOSMOS."""
    return [float(np.median([pair[arm].wall for pair in pairs])) for arm in range(2)]


def training_step(trainer: Any) -> Action:
    """A step on one random batch, the same for every trainer of a plan."""
    batch = random_batch(trainer, torch.Generator().manual_seed(SEED))
    return lambda: trainer.train_step(batch)


def prediction(trainer: Any) -> Action:
    """nnU-Net's sliding window over an image of one and a half patches along the last axis."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    trainer.set_deep_supervision_enabled(False)
    on_device = trainer.device.type == "cuda"
    with redirect_stdout(io.StringIO()):
        predictor = nnUNetPredictor(
            use_mirroring=False, perform_everything_on_device=on_device, device=trainer.device, allow_tqdm=False
        )
    # Prediction, unlike training, compiles only on demand.
    network = getattr(trainer.network, "_orig_mod", trainer.network)
    predictor.manual_initialization(
        network, trainer.plans_manager, trainer.configuration_manager, None, trainer.dataset_json, "", None
    )
    *rest, last = trainer.configuration_manager.patch_size
    slices = [] if len(rest) == 2 else [trainer.configuration_manager.batch_size]
    image = torch.randn((1, *slices, *rest, last * 3 // 2), generator=torch.Generator().manual_seed(SEED))
    return lambda: predictor.predict_sliding_window_return_logits(image)


def peak_memory(home: Path, configuration: str, arm: str, options: Options) -> float:
    """Peak memory of some training steps, GiB, in a process of its own: the whole process, or the GPU's tensors."""
    # glibc then returns every freed tensor at once: the peak is that of live tensors, not of a fragmented heap.
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(own_peak_memory, home, configuration, arm, options).result()


def own_peak_memory(home: Path, configuration: str, arm: str, options: Options) -> float:
    """The same for this process."""
    device = choose_device(options)
    step = training_step(build_trainer(home, configuration, arm, device))
    for _ in range(STEPS_FOR_MEMORY):
        step()
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    # Not `getrusage`, whose maximum begins with the parent's.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**20


def choose_device(options: Options) -> torch.device:
    """The device, set up as nnU-Net's `run_training` does."""
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = options.device == "cuda"
    return torch.device(options.device)


def plan_of(configuration: str, encoder: str, options: Options) -> Plan:
    """What to plan for a configuration."""
    return Plan(
        configuration=configuration,
        encoder=encoder,
        volume=options.volume_2d if configuration == "2d" else options.volume_3d,
        batch_size=options.batch_size or None,
        embedding_dim=options.embedding_dim,
    )


def measure(configuration: str, encoder: str, options: Options) -> dict[str, Any]:
    """Everything about one network."""
    device = choose_device(options)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        planned = prepare(home, plan_of(configuration, encoder, options))["configurations"][configuration]
        memory = {arm: peak_memory(home, configuration, arm, options) for arm in ARMS}
        trainers = {arm: build_trainer(home, configuration, arm, device) for arm in ARMS}
        timed: dict[str, Pairs] = {}
        for name, make in (("training step", training_step), ("prediction", prediction)):
            actions = {arm: make(trainer) for arm, trainer in trainers.items()}
            timed[name] = alternate(actions, options.seconds, options.block_seconds, device)
    return {
        "patch_size": planned["patch_size"],
        "batch_size": planned["batch_size"],
        "features_per_stage": planned["architecture"]["arch_kwargs"]["features_per_stage"],
        "strides": planned["architecture"]["arch_kwargs"]["strides"],
        "memory_gib": memory,
        "timed": {name: describe(pairs) for name, pairs in timed.items()},
    }


def describe(pairs: Pairs) -> dict[str, Any]:
    """What is recorded of alternating blocks."""
    return {
        "seconds": dict(zip(ARMS, median_seconds(pairs), strict=True)),
        "ratio_quartiles": ratio_quartiles(pairs, "wall"),
        "processor_ratio_quartiles": ratio_quartiles(pairs, "processor"),
        "pairs": [[[cost.wall, cost.processor] for cost in pair] for pair in pairs],
    }


def rows_of(network: str, found: Mapping[str, Any], on_cpu: bool) -> list[list[Cell]]:
    """The table's rows for one network."""
    rows: list[list[Cell]] = []
    for what, timed in found["timed"].items():
        low, middle, high = timed["ratio_quartiles"]
        processor = timed["processor_ratio_quartiles"][1] if on_cpu else None
        seconds = [timed["seconds"][arm] for arm in ARMS]
        rows.append([network, f"{what}, s", *seconds, middle, f"{low:.3f} to {high:.3f}", processor])
    plain, mosmos = (found["memory_gib"][arm] for arm in ARMS)
    rows.append([network, "peak memory of training, GiB", plain, mosmos, mosmos / plain, None, None])
    return rows


def quick_options(options: Options) -> Options:
    """Volumes on which every part runs in seconds."""
    return replace(options, volume_2d=(8, 32, 32), volume_3d=(16, 16, 16), seconds=0, block_seconds=0)


def main(options: Options) -> None:
    """Measure, and print the table."""
    if options.quick:
        options = quick_options(options)
    figures: dict[str, Any] = {"threads": options.threads, "device": options.device, "reach": REACH}
    rows: list[list[Cell]] = []
    for configuration in options.configurations:
        for encoder in options.encoders:
            found = figures[f"{configuration} {encoder}"] = measure(configuration, encoder, options)
            patch = "x".join(map(str, found["patch_size"]))
            name = f"{configuration}, {encoder}, {found['batch_size']} x {patch}"
            rows += rows_of(name, found, options.device == "cpu")
    conclude(
        Outcome(
            benchmark="overhead",
            title=f"nnU-Net with MOSMOS against plain nnU-Net (reach: at most {REACH:.2f})",
            columns=("network", "what", "plain", "MOSMOS", "ratio", "quartiles", "ratio of processor time"),
            rows=rows,
            seeds=(SEED,),
            notes=[
                f"{options.device}, {options.threads} thread(s); peak memory includes what the imported libraries take."
            ],
            figures=figures,
        ),
        quick=options.quick,
        file=options.json,
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    main(tyro.cli(Options, description=__doc__))
