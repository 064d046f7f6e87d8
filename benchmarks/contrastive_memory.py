"""Memory of a contrastive step of many studies in micro-batches against a step of one micro-batch.

    python -m benchmarks.contrastive_memory
    python -m benchmarks.contrastive_memory --batch-size 4096 --micro-batch-size 64 --device cuda

Every row is a process of its own that takes two steps on prepared synthetic studies and reports the most memory it
ever held: of the whole process on the CPU (what the system counts), of PyTorch's allocator on a GPU. The gradients of a
batch in micro-batches are compared with those of the same batch at once, dropout off, in a further process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import tyro

from benchmarks.peak_memory import peak_mib
from benchmarks.record import Outcome, conclude
from benchmarks.synthetic_run import build_trainer, write_studies
from pretraining.data.batches import collate
from pretraining.training.config import ImageConfig, OptimizationConfig, TrainConfig
from pretraining.training.loop import Runtime, Trainer

REACH = 1.15
STEPS = 2
# A batch whose gradients are compared; it must fit into memory at once.
COMPARED = 128


@dataclass(frozen=True)
class Options:
    """Options of the benchmark."""

    quick: bool = False
    """A smaller batch of fewer studies: shows that it runs."""
    json: Path | None = None
    """Where to write what was found."""
    batch_size: int = 1024
    """Studies that are contrasted with each other."""
    micro_batch_size: int = 32
    """Studies that are embedded at once."""
    image_size: int = 64
    """Pixels a side."""
    device: str = "cpu"
    """`cpu`, `cuda`."""


@dataclass(frozen=True)
class Case:
    """One process: its folders and sizes."""

    prepared: Path
    run: Path
    batch_size: int
    micro_batch_size: int
    image_size: int
    device: str
    compare: bool = False


def _trainer(case: Case) -> Trainer:
    config = TrainConfig(
        image=ImageConfig(stages=5, image_size=(case.image_size, case.image_size)),
        optimization=OptimizationConfig(batch_size=case.batch_size, epochs=STEPS, augment=False),
    )
    runtime = Runtime(torch.device(case.device), 0, 10**9, micro_batch_size=case.micro_batch_size)
    return build_trainer(case.prepared, case.run, config, runtime)


def peak_of_steps(case: Case) -> float:
    """Most memory held while taking two steps, MiB."""
    trainer = _trainer(case)
    trainer.task.train()
    batches = trainer._batches()
    for _ in range(STEPS):
        trainer.train_step(batches)
    return peak_mib(torch.device(case.device))


def gradient_difference(case: Case) -> float:
    """Largest difference of any gradient between a batch at once and in micro-batches, over that gradient's norm."""
    trainer = _trainer(case)
    for module in trainer.task.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    found = []
    for size in (case.batch_size, case.micro_batch_size):
        starts = range(0, case.batch_size, size)
        parts = [collate([trainer.training[0, n] for n in range(start, start + size)]) for start in starts]
        trainer.optimizer.zero_grad(set_to_none=True)
        trainer.step.accumulate(parts, len(parts))
        found.append({name: p.grad.clone() for name, p in trainer.task.named_parameters() if p.grad is not None})
    whole, cached = found
    # A bias before an instance norm has no gradient but rounding: it is compared with the whole gradient.
    total = float(torch.stack([gradient.norm() for gradient in whole.values()]).norm())
    return max(float((whole[name] - cached[name]).norm()) for name in whole) / total


def _in_a_process(case: Case) -> float:
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in vars(case).items()}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.contrastive_memory", "--case", json.dumps(arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        # Without a fixed threshold, the peak of identical runs differs by several percent.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    return float(done.stdout.strip().splitlines()[-1])


def measure(options: Options) -> Outcome:
    """All rows."""
    batch = 256 if options.quick else options.batch_size
    micro, size = options.micro_batch_size, options.image_size
    with TemporaryDirectory() as name:
        folder = Path(name)
        prepared = write_studies(folder, 2, (size, size), batch)
        one = Case(prepared, folder / "one", micro, micro, size, options.device)
        cases = {
            f"{micro} at once": one,
            f"{COMPARED} at once": replace(one, run=folder / "some", batch_size=COMPARED, micro_batch_size=COMPARED),
            f"{batch} in micro-batches of {micro}": replace(one, run=folder / "all", batch_size=batch),
        }
        peaks = {title: _in_a_process(case) for title, case in cases.items()}
        difference = _in_a_process(replace(one, run=folder / "same", batch_size=COMPARED, compare=True))
    least, *_, cached = peaks.values()
    return Outcome(
        benchmark="contrastive_memory",
        title=f"Peak memory of a contrastive step, {size} x {size} pixels, on {options.device}",
        columns=("batch", "peak memory (MiB)", f"against {micro} at once"),
        rows=[(title, peak, peak / least) for title, peak in peaks.items()],
        notes=(
            f"Reach: at most {REACH} for the last row.",
            f"Gradients of {COMPARED} studies in micro-batches of {micro} differ from those at once by at most "
            f"{difference:.1e} of the gradient's norm.",
        ),
        figures={"ratio": cached / least, "peaks_mib": peaks, "gradient_difference": difference},
    )


def main() -> None:
    """Run one case, or all of them in processes of their own."""
    if sys.argv[1:2] == ["--case"]:
        values = json.loads(sys.argv[2])
        case = Case(**{**values, "prepared": Path(values["prepared"]), "run": Path(values["run"])})
        print(gradient_difference(case) if case.compare else peak_of_steps(case))
        return
    options = tyro.cli(Options, description=__doc__.splitlines()[0])
    conclude(measure(options), quick=options.quick, file=options.json)


if __name__ == "__main__":
    main()
