"""Patch embeddings of vision transformers: other token sizes, input channels and dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Inflation = Literal["mean", "centre"]


def adapt_patch_embedding(
    weight: Tensor,
    target_shape: Sequence[int],
    image_channels: int | None = None,
    inflation: Inflation = "centre",
) -> tuple[Tensor, str]:
    """Fit a patch embedding to another token size, channel count or dimension.

    Every step keeps the kernel's mass. An input that is constant along a new depth axis, the same in all image
    channels, or enlarged by repeating its pixels as the token size was, therefore gives the tokens that it gave before.

    Args:
        weight: `(H, C, *source token size)`.
        target_shape: `(H, C', *target token size)`.
        image_channels: how many of the C' channels are image channels; the rest (the one-hot channels of nnU-Net's
            cascade, which come last) start at zero. All of them when omitted.
        inflation: how a 2D kernel fills the depth of a 3D one: `mean` spreads it evenly (I3D, Carreira and Zisserman,
            CVPR 2017), `centre` puts it on the central slice (ViViT, Arnab et al., ICCV 2021).

    Returns:
        The adapted weight and what was done to it.

    Raises:
        ValueError: the hidden sizes differ, or a kernel has neither 2 nor 3 axes.
    """
    size, target_size = tuple(weight.shape[2:]), tuple(target_shape[2:])
    if weight.shape[0] != target_shape[0] or not {len(size), len(target_size)} <= {2, 3}:
        raise ValueError(f"a patch embedding of shape {tuple(weight.shape)} cannot serve {tuple(target_shape)}")
    steps = []
    if len(size) > len(target_size):
        weight = weight.sum(2)
        steps.append(f"summed over {size[0]} along depth")
    plane = target_size if len(target_size) == weight.dim() - 2 else target_size[1:]
    if tuple(weight.shape[2:]) != plane:
        before = "x".join(map(str, weight.shape[2:]))
        steps.append(f"token size {before} -> {'x'.join(map(str, plane))} by area")
        weight = _resize_by_area(weight, plane)
    if len(plane) < len(target_size):
        weight = _inflate(weight, target_size[0], inflation)
        steps.append(f"inflated to depth {target_size[0]} ({inflation})")
    channels = target_shape[1] if image_channels is None else image_channels
    if weight.shape[1] != channels:
        steps.append(f"input channels {weight.shape[1]} -> {channels}, summed and shared")
        weight = weight.sum(1, keepdim=True).expand(-1, channels, *target_size) / channels
    if channels < target_shape[1]:
        steps.append(f"{target_shape[1] - channels} further channels at zero")
        extra = weight.new_zeros(weight.shape[0], target_shape[1] - channels, *target_size)
        weight = torch.cat([weight, extra], dim=1)
    return weight.clone(), ", ".join(steps) or "copied"


def _inflate(weight: Tensor, depth: int, inflation: Inflation) -> Tensor:
    """`(H, C, *plane)` to `(H, C, depth, *plane)` with the same sum over depth."""
    share = weight.new_zeros(depth)
    if inflation == "mean":
        share[:] = 1 / depth
    else:
        share[depth // 2] = 1
    return weight.unsqueeze(2) * share[:, None, None]


def _resize_by_area(weight: Tensor, size: Sequence[int]) -> Tensor:
    """Redistribute a kernel's mass, seen as constant over each of its cells, over another number of cells an axis."""
    for axis, length in enumerate(size, start=2):
        overlap = _cell_overlap(weight.shape[axis], length).to(weight)
        weight = torch.tensordot(weight, overlap, dims=([axis], [1])).movedim(-1, axis)
    return weight


def _cell_overlap(source: int, target: int) -> Tensor:
    """`(target, source)`: the share of each source cell that falls into each target cell; every column sums to 1."""
    ratio = source / target
    starts = torch.arange(target, dtype=torch.float64)[:, None] * ratio
    cells = torch.arange(source, dtype=torch.float64)[None]
    return (torch.minimum(starts + ratio, cells + 1) - torch.maximum(starts, cells)).clamp(min=0)
