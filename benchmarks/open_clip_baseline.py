"""open_clip's training loop beside ours, on the same model and batches. Runs in an environment of its own.

That environment has open_clip_torch, torchvision and what `pretraining` needs. Reads a job from standard input, see
`throughput.run_open_clip`; writes its answer as the last line: quartiles of ours / theirs, block by block, where ours
learns from the contrast alone, as theirs does, and where it learns from tags and sentences too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

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

from benchmarks.alternating_blocks import quartiles, synchronize
from benchmarks.synthetic_run import build_trainer
from pretraining.data.batches import Batch, loader
from pretraining.data.corpus import read_corpus
from pretraining.device import choose_device
from pretraining.processes import Processes
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.run_folder import read_record
from pretraining.training.step import TrainingStep
from pretraining.training.task import PretrainingTask

RATE = 1e-5


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


def their_block(towers: TwoTowers, kept: list[Batch], steps: int, device: torch.device) -> Callable[[], None]:
    """Some steps of open_clip's loop."""
    optimizer = torch.optim.AdamW(parameters_of(towers), lr=RATE)
    batches = Batches([(kept[i % len(kept)].images, kept[i % len(kept)].reports) for i in range(steps)])
    data = {"train": SimpleNamespace(dataloader=batches, set_epoch=lambda epoch: None)}
    arguments = loop_arguments(device, len(kept[0].studies))
    return lambda: train_one_epoch(towers, data, open_clip.ClipLoss(), 0, optimizer, None, None, None, arguments)


def our_block(trainer: Trainer, kept: list[Batch], steps: int) -> Callable[[], None]:
    """Some steps of our loop."""

    def run() -> None:
        for number in range(steps):
            trainer.train_step([kept[number % len(kept)]])

    return run


def with_contrast_alone(trainer: Trainer, prepared: Path) -> Trainer:
    """Our loop on open_clip's objective, with the same model."""
    changed, task, config = copy(trainer), trainer.task, trainer.config
    objective = replace(config.objective, tag_weight=0.0, sentence_weight=0.0)
    changed.task = PretrainingTask(task.model, task.bank, read_corpus(prepared), objective).to(task.device)
    changed.optimizer = torch.optim.AdamW(parameters_of(changed.task), lr=RATE)
    changed.schedule = torch.optim.lr_scheduler.LambdaLR(changed.optimizer, lambda _: 1.0)
    changed.step = TrainingStep(changed.task, changed.optimizer, config.optimization, Processes())
    return changed


def parameters_of(module: nn.Module) -> list[nn.Parameter]:
    """What both optimizers step."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def seconds(block: Callable[[], None], steps: int, device: torch.device) -> float:
    """Of one step."""
    synchronize(device)
    start = time.perf_counter()
    block()
    synchronize(device)
    return (time.perf_counter() - start) / steps


def main() -> None:
    """Time all three, block by block."""
    job = json.load(sys.stdin)
    torch.set_num_threads(job["threads"])
    device, steps, run = choose_device(job["device"]), job["steps"], Path(job["run"])
    runtime = Runtime(device, workers=0, checkpoint_steps=10**9)
    trainer = build_trainer(Path(job["prepared"]), run, read_record(run).config, runtime)
    reading = loader(trainer.training, trainer.order, 0)
    kept = [next(reading).to(device) for _ in range(4)]
    trainer.task.train()
    towers = TwoTowers(trainer.task).to(device)
    blocks = {
        "open_clip": their_block(towers, kept, steps, device),
        "contrast": our_block(with_contrast_alone(trainer, Path(job["prepared"])), kept, steps),
        "whole": our_block(trainer, kept, steps),
    }
    for block in blocks.values():
        block()
    found = [{name: seconds(block, steps, device) for name, block in blocks.items()} for _ in range(job["blocks"])]
    answer = {
        "version": open_clip.__version__,
        "seconds_a_step": {name: quartiles([times[name] for times in found])[1] for name in blocks},
        **{
            f"{name}_ratio_quartiles": quartiles([times[name] / times["open_clip"] for times in found])
            for name in ("contrast", "whole")
        },
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
