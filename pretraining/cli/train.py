"""`mosmos_pretrain train`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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
    """Processes that read images, as many again while validating; 0 reads in the training process."""
    checkpoint_steps: int = 500
    """Steps between checkpoints within an epoch; every epoch ends with one. SIGTERM, SIGUSR1 and Ctrl-C save too, after
    the step under way, and exit with 143, 143 and 130."""
    micro_batch_size: int | None = None
    """Studies that are embedded at once, so that a `--batch-size` of any size fits into memory: a step then takes a
    third longer. Each process's whole share of a step when left out."""
    compile: bool = False
    """Compile the image encoder (torch.compile): a slow start, then faster steps on a GPU."""
    checkpoint_activations: bool = False
    """Keep only what stages and blocks hand on, and compute the rest again for the gradient: less memory, more time."""
    start: Literal["auto", "new", "resume"] = "auto"
    """`resume` refuses an --output without a run, `new` one with a run; `auto` resumes or starts, but starts no second
    run beside one with the same settings."""
    tensorboard: bool = False
    """Write event files for TensorBoard into the run's folder (extra `tensorboard`)."""
    wandb: str = ""
    """Project of Weights & Biases to report to (extra `wandb`)."""
    dry_run: bool = False
    """Start no run; print its sizes, memory and steps, and draw its first batch into `OUTPUT_dry_run`."""


def run(options: Options) -> int:
    """Pretrain, or resume.

    Returns:
        0 when trained to the end, 143 when stopped by SIGTERM or SIGUSR1, 130 by Ctrl-C.
    """
    from pretraining.device import choose_device
    from pretraining.processes import join
    from pretraining.training.loop import Runtime
    from pretraining.training.pretrain import pretrain

    config = TrainConfig(options.image, options.text, options.objective, options.optimization)
    processes, device = join(choose_device(options.device))
    runtime = Runtime(
        device=device,
        workers=options.workers,
        checkpoint_steps=options.checkpoint_steps,
        micro_batch_size=options.micro_batch_size,
        compile=options.compile,
        checkpoint_activations=options.checkpoint_activations,
        processes=processes,
        tensorboard=options.tensorboard,
        wandb=options.wandb,
    )
    if options.dry_run:
        from pretraining.training.dry_run import dry_run

        output = options.output.absolute()
        told = dry_run(options.data, output.with_name(f"{output.name}_dry_run"), config, runtime)
        if processes.rank == 0:
            print(told)
        processes.leave()
        return 0
    code = pretrain(options.data, options.output, config, runtime, options.start)
    processes.leave()
    log = logging.getLogger(__name__)
    if code:
        log.info("the same command goes on from there")
    else:
        log.info("export it: mosmos_pretrain export --run %s --output BUNDLE", options.output)
    return code
