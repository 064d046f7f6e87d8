"""AdamW with the parameter groups and the schedule of the method."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from pretraining.training.config import TrainConfig


def build_optimizer(task: nn.Module, config: TrainConfig) -> AdamW:
    """AdamW; text parameters at their own rate; norms, biases and temperatures without weight decay.

    Args:
        task: whose parameters to train; those of the text encoder lie below `text_encoder.`.
        config: rates and decay.
    """
    rate, decay = config.optimization.learning_rate, config.optimization.weight_decay
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in task.named_parameters():
        if parameter.requires_grad:
            own_rate = rate * (config.text_rate_factor if name.startswith("text_encoder.") else 1.0)
            own_decay = decay if parameter.ndim > 1 else 0.0
            groups.setdefault((own_rate, own_decay), []).append(parameter)
    return AdamW(
        [{"params": members, "lr": key[0], "weight_decay": key[1]} for key, members in groups.items()],
        betas=(0.9, 0.98),
    )


def build_schedule(optimizer: torch.optim.Optimizer, steps: int, warmup_fraction: float) -> LambdaLR:
    """A linear rise, then half a cosine down to zero.

    Args:
        optimizer: whose rates to set.
        steps: of the whole run.
        warmup_fraction: share of the steps in which the rate rises.
    """
    warmup = max(1, round(steps * warmup_fraction))

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))

    return LambdaLR(optimizer, factor)
