"""Makes one pretrained weight fit a layer of another dimension, kernel size or number of input channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from nnunetv2_mosmos.transfer.table import Action

Inflation = Literal["centre", "mean"]


@dataclass(frozen=True)
class Fitted:
    """A weight that fits, and what was done to it.

    Attributes:
        tensor: the weight in its new shape, or None where nothing fits.
        action: the most telling of the steps.
        detail: all steps in words, or the reason why nothing fits.
    """

    tensor: Tensor | None
    action: Action
    detail: str


@dataclass(frozen=True)
class FitOptions:
    """How to bridge differences.

    Attributes:
        inflation: how a 2D kernel becomes 3D. `centre` puts it into the middle slice, `mean` repeats it over depth and
            divides by the depth. Both give the 2D result on a volume that is constant along depth, away from the
            border.
        image_channels: how many of the input layer's channels are image channels; the rest (the one-hot labels that
            nnU-Net's cascade appends) start at zero. None where the weight is not the input layer's.
    """

    inflation: Inflation = "centre"
    image_channels: int | None = None


def fit_weight(source: Tensor, shape: tuple[int, ...], options: FitOptions) -> Fitted:
    """Fit a tensor to a shape.

    Args:
        source: a weight: `(out, in, *kernel)` of a convolution, `(out, in)` of a linear layer, or `(out,)`.
        shape: the shape that the receiving layer has.
        options: how to bridge differences.

    Returns:
        The fitted weight, or the reason why none fits.
    """
    images = options.image_channels
    if tuple(source.shape) == shape and (images is None or images == shape[1]):
        return Fitted(source.clone(), "copied", "")
    if source.ndim < 3 or len(shape) < 3 or source.shape[0] != shape[0]:
        return misfit(source, shape)
    steps: list[tuple[Action, str]] = []
    weight = source
    if images is None:
        if weight.shape[1] != shape[1]:
            return misfit(source, shape)
    else:
        weight = adapt_input_channels(weight, shape[1], images)
        if source.shape[1] != images:
            steps.append(("adapted", f"{source.shape[1]} input channel(s) to {images}"))
        if shape[1] > images:
            steps.append(("adapted", f"{shape[1] - images} cascade channel(s) at zero"))
    kernel = shape[2:]
    if weight.ndim > len(shape):
        weight = weight.sum(dim=2)
        steps.append(("collapsed", "3D kernel summed over depth"))
    in_plane = kernel[-(weight.ndim - 2) :]
    if tuple(weight.shape[2:]) != in_plane:
        steps.append(_resize_step(tuple(weight.shape[2:]), in_plane))
        weight = resize_kernel(weight, in_plane)
    if weight.ndim < len(shape):
        weight = inflate(weight, kernel[0], options.inflation)
        steps.append(("inflated", f"2D kernel to depth {kernel[0]} ({options.inflation})"))
    order: tuple[Action, ...] = ("inflated", "collapsed", "adapted", "cropped", "padded")
    action = min((step for step, _ in steps), key=order.index)
    return Fitted(weight.contiguous(), action, ", ".join(words for _, words in steps))


def inflate(weight: Tensor, depth: int, inflation: Inflation) -> Tensor:
    """`(out, in, h, w)` to `(out, in, depth, h, w)`.

    Args:
        weight: a 2D kernel.
        depth: the kernel's new extent along the first spatial axis, the slice axis of nnU-Net's arrays.
        inflation: see `FitOptions`.
    """
    if inflation == "mean":
        return weight.unsqueeze(2).expand(-1, -1, depth, -1, -1) / depth
    inflated = weight.new_zeros(*weight.shape[:2], depth, *weight.shape[2:])
    inflated[:, :, depth // 2] = weight
    return inflated


def resize_kernel(weight: Tensor, kernel: tuple[int, ...]) -> Tensor:
    """Crop or zero-pad a kernel about its middle.

    Args:
        weight: `(out, in, *old)`.
        kernel: new extents, as many as the old.
    """
    old = tuple(weight.shape[2:])
    for axis, (have, want) in enumerate(zip(old, kernel, strict=True), start=2):
        if have > want:
            weight = weight.narrow(axis, (have - want) // 2, want)
    pads: list[int] = []
    for have, want in zip(reversed(weight.shape[2:]), reversed(kernel), strict=True):
        before = (want - have) // 2
        pads += [before, want - have - before]
    return functional.pad(weight, pads)


def adapt_input_channels(weight: Tensor, channels: int, image_channels: int) -> Tensor:
    """Spread an input layer's weight over another number of channels.

    The response to an input whose image channels all show the same is kept: the mean over the old channels is repeated
    and scaled by old over new.

    Args:
        weight: `(out, old, *kernel)`.
        channels: input channels of the receiving layer.
        image_channels: how many of them are image channels; they come first.

    Returns:
        `(out, channels, *kernel)`, zero for the channels after the image channels.
    """
    old = weight.shape[1]
    if old != image_channels:
        weight = weight.mean(dim=1, keepdim=True).repeat_interleave(image_channels, dim=1) * (old / image_channels)
    rest = weight.new_zeros(weight.shape[0], channels - image_channels, *weight.shape[2:])
    return torch.cat([weight, rest], dim=1)


def _resize_step(old: tuple[int, ...], new: tuple[int, ...]) -> tuple[Action, str]:
    names = " to ".join("x".join(map(str, extents)) for extents in (old, new))
    action: Action = "cropped" if any(have > want for have, want in zip(old, new, strict=True)) else "padded"
    return action, f"kernel {names}"


def misfit(source: Tensor, shape: tuple[int, ...]) -> Fitted:
    """Nothing fits: both shapes are the reason."""
    return Fitted(None, "skipped", f"bundle has {tuple(source.shape)}, network has {shape}")
