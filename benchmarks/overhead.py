"""What MOSMOS costs over plain nnU-Net: training step, peak memory and prediction, side by side on the same plans.

    python -m benchmarks.overhead
    python -m benchmarks.overhead --device cuda --volume-2d 40 512 512 --volume-3d 128 128 128 --batch-size 0

nnU-Net's planners plan both configurations for volumes of the given size, and both trainers go through nnU-Net's own
set-up: real widths and strides, eight organs, a bundle of random weights. Both take the same steps on the same batch in
blocks of the order plain, MOSMOS, MOSMOS, plain: a ratio of two neighboring blocks forgives a machine whose speed
drifts. The table shows the median of these ratios and its quartiles; processor time, on the CPU, leaves out what other
programs take. Peak memory is that of a process of its own. The default volumes are what two cores can do; operations
and activations are counted, not run, for the volumes and batches that nnU-Net plans for a GPU.
"""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch
import tyro

from benchmarks.alternating_blocks import Action, alternate, describe
from benchmarks.counted_work import count_work
from benchmarks.peak_memory import peak_mib
from benchmarks.planned_trainers import ARMS, Plan, build_trainer, prepare, random_batch
from benchmarks.record import Cell, Outcome, conclude

REACH = 1.10
SEED = 0
STEPS_FOR_MEMORY = 2


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """Small volumes, seconds instead of minutes: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    configurations: tuple[Literal["2d", "3d_fullres"], ...] = ("2d", "3d_fullres")
    """Configurations of nnU-Net."""
    encoders: tuple[Literal["plainconv", "resenc"], ...] = ("plainconv", "resenc")
    """`plainconv`: nnU-Net's default planner; `resenc`: its preset M."""
    volume_2d: tuple[int, int, int] = (8, 192, 192)
    """Voxels of the volumes that 2d is planned for."""
    volume_3d: tuple[int, int, int] = (32, 64, 64)
    """Voxels of the volumes that 3d_fullres is planned for."""
    batch_size: int = 2
    """Patches a step; 0 for what nnU-Net plans."""
    counted_2d: tuple[int, int, int] = (40, 512, 512)
    """Voxels of the volumes that 2d is planned for where work is counted only."""
    counted_3d: tuple[int, int, int] = (128, 128, 128)
    """The same for 3d_fullres."""
    embedding_dim: int = 256
    """Length of the bundle's embeddings; `mosmos_pretrain train` makes 256."""
    seconds: float = 15
    """Time for training steps, and again for predictions, of each network."""
    block_seconds: float = 1
    """A block takes as many steps as fit."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where both train and predict."""
    threads: int = 1
    """Threads that compute, on the CPU."""


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
    return peak_mib(device) / 2**10


def choose_device(options: Options) -> torch.device:
    """The device, set up as nnU-Net's `run_training` does."""
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = options.device == "cuda"
    return torch.device(options.device)


def measure(plan: Plan, options: Options) -> dict[str, Any]:
    """Run both trainers of a plan."""
    device = choose_device(options)
    with TemporaryDirectory() as folder:
        home = Path(folder)
        planned = prepare(home, plan)
        memory = {arm: peak_memory(home, plan.configuration, arm, options) for arm in ARMS}
        trainers = {arm: build_trainer(home, plan.configuration, arm, device) for arm in ARMS}
        timed: dict[str, Any] = {}
        for name, make in (("training step", training_step), ("prediction", prediction)):
            plain, mosmos = (make(trainers[arm]) for arm in ARMS)
            timed[name] = describe(alternate(plain, mosmos, options.seconds, options.block_seconds, device))
    return {**layout(planned), "memory_gib": memory, "timed": timed}


def count(plan: Plan) -> dict[str, Any]:
    """Count the work of both trainers of a plan."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        planned = prepare(home, plan)
        trainers = {arm: build_trainer(home, plan.configuration, arm, torch.device("cpu")) for arm in ARMS}
        return {**layout(planned), "work": {arm: asdict(count_work(trainer)) for arm, trainer in trainers.items()}}


def layout(planned: dict[str, Any]) -> dict[str, Any]:
    """What nnU-Net planned."""
    arguments = planned["architecture"]["arch_kwargs"]
    return {
        **{name: planned[name] for name in ("patch_size", "batch_size")},
        **{name: arguments[name] for name in ("features_per_stage", "strides")},
    }


def rows_of(network: str, measured: dict[str, Any], counted: dict[str, Any], on_cpu: bool) -> list[list[Cell]]:
    """The table's rows for one network."""
    rows: list[list[Cell]] = []
    for what, timed in measured["timed"].items():
        low, middle, high = (f"{ratio:.3f}" for ratio in timed["ratio_quartiles"])
        processor = f"{timed['processor_ratio_quartiles'][1]:.3f}" if on_cpu else None
        seconds = [timed["seconds"][arm] for arm in ARMS]
        rows.append([f"{what}, s", *seconds, middle, f"{low} to {high} of {len(timed['pairs'])}", processor])
    plain, mosmos = (measured["memory_gib"][arm] for arm in ARMS)
    rows.append(["peak memory of training, GiB", plain, mosmos, f"{mosmos / plain:.3f}", None, None])
    names = [f"{network}, {batch_of(measured)}"] * len(rows)
    for what, name in (("operations, 10^12", "operations"), ("activations, GiB", "activations")):
        plain, mosmos = (counted["work"][arm][name] for arm in ARMS)
        rows.append([f"{what}, counted", plain, mosmos, f"{mosmos / plain:.3f}", None, None])
    names += [f"{network}, {batch_of(counted)}"] * 2
    return [[name, *row] for name, row in zip(names, rows, strict=True)]


def batch_of(planned: dict[str, Any]) -> str:
    """The shape of a batch, to read."""
    return f"{planned['batch_size']} x {'x'.join(map(str, planned['patch_size']))}"


def quick_options(options: Options) -> Options:
    """Volumes on which every part runs in seconds."""
    options = replace(options, volume_2d=(8, 32, 32), volume_3d=(16, 16, 16), seconds=0, block_seconds=0)
    return replace(options, counted_2d=options.volume_2d, counted_3d=options.volume_3d)


def main(options: Options) -> None:
    """Measure, and print the table."""
    if options.quick:
        options = quick_options(options)
    figures: dict[str, Any] = {"threads": options.threads, "device": options.device, "reach": REACH}
    rows: list[list[Cell]] = []
    for configuration in options.configurations:
        for encoder in options.encoders:
            is_2d = configuration == "2d"
            plan = Plan(
                configuration=configuration,
                encoder=encoder,
                volume=options.volume_2d if is_2d else options.volume_3d,
                batch_size=options.batch_size or None,
                embedding_dim=options.embedding_dim,
            )
            measured = measure(plan, options)
            counted = count(replace(plan, volume=options.counted_2d if is_2d else options.counted_3d, batch_size=None))
            figures[f"{configuration} {encoder}"] = {"measured": measured, "counted": counted}
            rows += rows_of(f"{configuration}, {encoder}", measured, counted, options.device == "cpu")
    conclude(
        Outcome(
            benchmark="overhead",
            title=f"nnU-Net with MOSMOS against plain nnU-Net (reach: at most {REACH:.2f})",
            columns=("network", "what", "plain", "MOSMOS", "ratio", "quartiles of pairs", "ratio of processor time"),
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
