"""Learning rates: one poly schedule, a rate for each parameter group, a warm-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from torch.optim import Optimizer

from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.transfer.table import part_of


@dataclass(frozen=True)
class Schedule:
    """Length of a training.

    Attributes:
        epochs: nnU-Net's default is 1000.
        iterations: training iterations an epoch; nnU-Net's default is 250.
        validation_iterations: per epoch; nnU-Net's default is 50.
    """

    epochs: int = 1000
    iterations: int = 250
    validation_iterations: int = 50


class GroupedPolyLRScheduler(PolyLRScheduler):
    """nnU-Net's poly schedule, scaled for each parameter group.

    `PolyLRScheduler` gives every group the same rate. Here a group's entry `rate_scale` multiplies it, and over the
    first `warmup_epochs` epochs of a group its rate rises linearly. A rate depends on the epoch alone, so that a
    training that is continued (`--c`) goes on with exactly the rates of one that never stopped.
    """

    def step(self, current_step: int | None = None) -> None:
        """Set the rates of an epoch.

        Args:
            current_step: the epoch; the one after the last when omitted.
        """
        epoch = self.ctr if current_step in (None, -1) else int(current_step)
        super().step(current_step)
        for group in self.optimizer.param_groups:
            warmup = min(1.0, (epoch + 1) / (group.get("warmup_epochs", 0) + 1))
            group["lr"] *= group.get("rate_scale", 1.0) * warmup
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


def parameter_groups(
    network: MosmosNetwork,
    pretrained_parts: tuple[str, ...],
    rate_scale: float,
    warmup_epochs: int,
    warm_all: bool = False,
) -> list[dict[str, Any]]:
    """Split a network's parameters into new and pretrained ones.

    Args:
        network: its encoder may hold pretrained weights.
        pretrained_parts: parts of the encoder (see `part_of`) that hold pretrained weights.
        rate_scale: rate of the pretrained parameters over that of the others.
        warmup_epochs: length of the pretrained parameters' warm-up.
        warm_all: warm the others up, too (transformers).

    Returns:
        Parameter groups for an optimizer: first the new ones, whose rate nnU-Net logs, then, where there are any, the
        pretrained ones.
    """
    pretrained = {
        id(parameter): parameter
        for name, parameter in network.encoder.named_parameters()
        if part_of(name) in pretrained_parts
    }
    new = [parameter for parameter in network.parameters() if id(parameter) not in pretrained]
    groups = [{"params": new, "rate_scale": 1.0, "warmup_epochs": warmup_epochs if warm_all else 0}]
    if pretrained:
        groups.append({"params": list(pretrained.values()), "rate_scale": rate_scale, "warmup_epochs": warmup_epochs})
    return groups


def last_rates(optimizer: Optimizer) -> list[float]:
    """The current rate of every parameter group."""
    return [float(group["lr"]) for group in optimizer.param_groups]
