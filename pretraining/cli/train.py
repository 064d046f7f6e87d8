"""`mosmos_pretrain train`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from pretraining.training.config import ImageConfig, ObjectiveConfig, OptimizationConfig, TextConfig, TrainConfig


@dataclass(frozen=True)
class Options:
    """Options of the command; everything in the groups is saved in the run's `config.yaml`."""

    data: Path
    """Folder that `mosmos_pretrain prepare` or `mosmos_pretrain shard` wrote."""
    output: Path
    """Folder of the run; an interrupted run is resumed by the same command."""
    image: ImageConfig = field(default_factory=ImageConfig)
    text: TextConfig = field(default_factory=TextConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)
    device: str = "auto"
    """`auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`."""
    workers: int = 2
    """Processes that read images; 0 reads in the training process."""
    checkpoint_steps: int = 500
    """Steps between checkpoints within an epoch; every epoch ends with one."""


def run(options: Options) -> int:
    """Pretrain, or resume."""
    from pretraining.training.device import choose_device
    from pretraining.training.loop import Runtime
    from pretraining.training.pretrain import pretrain

    config = TrainConfig(options.image, options.text, options.objective, options.optimization)
    runtime = Runtime(choose_device(options.device), options.workers, options.checkpoint_steps)
    pretrain(options.data, options.output, config, runtime)
    logging.getLogger(__name__).info("export it: mosmos_pretrain export --run %s --output BUNDLE", options.output)
    return 0
