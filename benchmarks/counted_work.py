"""Counts what a training step's network computes and keeps, without computing it: the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Work:
    """The work of a network in one training step, losses and optimizer left out.

    Attributes:
        operations: floating-point operations of convolutions and matrix products, forward and backward, in 10^12.
        activations: what is kept for the backward pass, parameters left out, in GiB of fp32.
    """

    operations: float
    activations: float


def count_work(trainer: Any) -> Work:
    """Count on PyTorch's `meta` device, which has shapes and no values.

    Args:
        trainer: initialized, on the CPU; its network is moved and of no use afterwards.
    """
    network, configuration = trainer.network.to("meta"), trainer.configuration_manager
    batch = torch.empty((configuration.batch_size, 1, *configuration.patch_size), device="meta")
    has_maps = hasattr(network, "maps_of")
    kept: dict[StorageWeakRef, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not (tensor.is_leaf and tensor.requires_grad):
            kept[StorageWeakRef(tensor.untyped_storage())] = tensor.untyped_storage().nbytes()
        return tensor

    with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        logits, maps = network(batch, return_maps=True) if has_maps else (network(batch), None)
        torch.stack([output.sum() for output in (*logits, *([maps] if has_maps else []))]).sum().backward()
    return Work(counter.get_total_flops() / 1e12, sum(kept.values()) / 2**30)
