"""open_clip's training loop beside our step, on the same encoders and batches. Runs in an environment of its own.

That environment has open_clip_torch, torchvision and what `pretraining` needs. Reads a job from standard input, see
`throughput.run_open_clip`; writes `{"version": ..., "ratio_quartiles": ..., "seconds_a_step": ...}` as its last line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

if not torch.cuda.is_available():
    # torchvision's operators are compiled for CUDA builds of torch, and its import stops where they are not declared.
    # Neither open_clip's loop nor ours uses them.
    operators = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import open_clip
from open_clip_train.train import train_one_epoch
from torch import Tensor, nn

from benchmarks.throughput import build_trainer, quartiles, synchronize
from pretraining.training.data import Batch, loader
from pretraining.training.device import choose_device
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.run_folder import read_record
from pretraining.training.task import PretrainingTask


class TwoTowers(nn.Module):
    """Our image and text encoders, as open_clip's loop calls a model."""

    def __init__(self, task: PretrainingTask) -> None:
        super().__init__()
        self.task = task
        self.logit_scale = nn.Parameter(torch.tensor(2.66))

    def forward(self, images: Tensor, texts: Tensor) -> dict[str, Tensor]:
        """Features by the names that open_clip's loss takes; `texts` are text numbers."""
        embedded = self.task.model.embed_images(images)
        reports = self.task.model.embed_reports(self.task.bank(texts))
        return {"image_features": embedded.image, "text_features": reports, "logit_scale": self.logit_scale.exp()}


class Batches(list[tuple[Tensor, Tensor]]):
    """Batches in memory with what open_clip's loop asks of a loader."""

    @property
    def num_batches(self) -> int:
        """Steps of an epoch."""
        return len(self)

    @property
    def num_samples(self) -> int:
        """Images of an epoch."""
        return sum(len(images) for images, _ in self)


def loop_arguments(device: torch.device, batch_size: int) -> SimpleNamespace:
    """What `train_one_epoch` reads of open_clip's command line; no logging inside the timed steps."""
    return SimpleNamespace(
        device=str(device),
        precision="fp32" if device.type == "cpu" else "amp_bf16",
        accum_freq=1,
        distill=False,
        skip_scheduler=True,
        horovod=False,
        grad_clip_norm=1.0,
        rank=0,
        local_rank=0,
        log_local=False,
        log_every_n_steps=10**9,
        batch_size=batch_size,
        world_size=1,
        wandb=False,
    )


def time_open_clip(trainer: Trainer, kept: list[Batch], steps: int) -> Any:
    """A function that runs open_clip's loop for some steps and returns the seconds of one."""
    device = trainer.runtime.device
    model = TwoTowers(trainer.task).to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5)
    batches = Batches([(kept[i % len(kept)].images, kept[i % len(kept)].reports) for i in range(steps)])
    data = {"train": SimpleNamespace(dataloader=batches, set_epoch=lambda epoch: None)}
    arguments = loop_arguments(device, len(kept[0].studies))

    def run() -> float:
        synchronize(device)
        start = time.perf_counter()
        train_one_epoch(model, data, open_clip.ClipLoss(), 0, optimizer, None, None, None, arguments)
        synchronize(device)
        return (time.perf_counter() - start) / steps

    return run


def main() -> None:
    """Time both, block by block."""
    job = json.load(sys.stdin)
    torch.set_num_threads(job["threads"])
    runtime = Runtime(choose_device(job["device"]), workers=0, checkpoint_steps=10**9)
    trainer = build_trainer(Path(job["prepared"]), Path(job["run"]), read_record(Path(job["run"])).config, runtime)
    reading = loader(trainer.training, trainer.order, 0)
    kept = [next(reading).to(runtime.device) for _ in range(4)]
    trainer.task.train()
    theirs = time_open_clip(trainer, kept, job["steps"])

    def ours() -> float:
        synchronize(runtime.device)
        start = time.perf_counter()
        for number in range(job["steps"]):
            trainer.train_step(kept[number % len(kept)])
        synchronize(runtime.device)
        return (time.perf_counter() - start) / job["steps"]

    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(job["blocks"])]
    seconds = {
        name: quartiles([pair[column] for pair in pairs])[1] for column, name in enumerate(("ours", "open_clip"))
    }
    answer = {
        "version": open_clip.__version__,
        "ratio_quartiles": quartiles([theirs_ / ours_ for ours_, theirs_ in pairs]),
        "seconds_a_step": seconds,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
