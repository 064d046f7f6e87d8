"""Scales a whole image into the network's input, and remembers how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pretraining.errors import UserError
from pretraining.image.pixel_projector import INTERPOLATION


@dataclass(frozen=True)
class Fit:
    """Where an image lies inside the network's input.

    Attributes:
        original: the image's shape S.
        scaled: its shape after scaling.
        start: its first position inside the input.
        size: the input's shape.
    """

    original: tuple[int, ...]
    scaled: tuple[int, ...]
    start: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def box(self) -> tuple[slice, ...]:
        """The part of the input that shows the image."""
        return tuple(slice(start, start + length) for start, length in zip(self.start, self.scaled, strict=True))


def fit_of(shape: Sequence[int], size: Sequence[int], spacing: Sequence[float] | None = None) -> Fit:
    """How to place an image of `shape` into `size`: one factor for all axes in millimeters, centered.

    Args:
        shape: S, the image's shape.
        size: the input's shape.
        spacing: mm an axis; equal when omitted.
    """
    millimeters = [length * step for length, step in zip(shape, spacing or [1.0] * len(shape), strict=True)]
    factor = min(target / length for target, length in zip(size, millimeters, strict=True))
    scaled = tuple(
        max(1, min(target, round(length * factor))) for target, length in zip(size, millimeters, strict=True)
    )
    start = tuple((target - length) // 2 for target, length in zip(size, scaled, strict=True))
    return Fit(tuple(shape), scaled, start, tuple(size))


def shape_at(shape: Sequence[int], spacing: Sequence[float], target: Sequence[float]) -> tuple[int, ...]:
    """The shape that an image of `shape` and `spacing` has at the spacing `target` (mm)."""
    return tuple(
        max(1, round(length * step / wanted)) for length, step, wanted in zip(shape, spacing, target, strict=True)
    )


@dataclass(frozen=True)
class View:
    """How a network sees a whole image.

    Attributes:
        size: the input of pretraining.
        spacing: mm an axis of the crops that pretraining saw; None where it saw whole images scaled into its input.
        step: total stride of the encoder, of which the sides of `size` are multiples.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...] | None
    step: tuple[int, ...]

    def fit(self, shape: Sequence[int], spacing: Sequence[float] | None) -> Fit:
        """Scale an image into the input, or show it at the spacing of the crops, in an input as large as that takes.

        Args:
            shape: S, the image's shape.
            spacing: mm an axis, where known.

        Raises:
            UserError: pretraining saw crops, and nobody knows the image's spacing.
        """
        if self.spacing is None:
            return fit_of(shape, self.size, spacing)
        if spacing is None:
            raise UserError(
                "an image has no spacing, but pretraining saw crops of known size; give files that have one"
            )
        scaled = shape_at(shape, spacing, self.spacing)
        size = tuple(
            max(least, -(-length // step) * step)
            for length, least, step in zip(scaled, self.size, self.step, strict=True)
        )
        start = tuple((side - length) // 2 for side, length in zip(size, scaled, strict=True))
        return Fit(tuple(shape), scaled, start, size)


def apply_fit(image: NDArray[Any], fit: Fit) -> torch.Tensor:
    """Scale an image into the input; around it, its lowest value continues.

    Args:
        image: `(C, *S)`, normalized.
        fit: from `fit_of`.

    Returns:
        `(C, *size)` in fp32.
    """
    source = torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))
    scaled = functional.interpolate(
        source[None],
        size=fit.scaled,
        mode=INTERPOLATION[len(fit.size)],
        align_corners=False,
        antialias=len(fit.size) == 2,
    )[0]
    result = source.flatten(1).min(1).values.reshape(-1, *[1] * len(fit.size)).repeat(1, *fit.size)
    inside = (slice(None), *fit.box)
    result[inside] = scaled
    return result


def undo_fit(maps: torch.Tensor, fit: Fit) -> torch.Tensor:
    """Bring maps back to the image's own grid.

    Args:
        maps: `(K, *G)` on a grid that covers the input.
        fit: the image's place in the input.

    Returns:
        `(K, *S)`.
    """
    mode = INTERPOLATION[len(fit.size)]
    covering = functional.interpolate(maps[None].float(), size=fit.size, mode=mode, align_corners=False)
    inside = (slice(None), slice(None), *fit.box)
    shown = covering[inside]
    return functional.interpolate(shown, size=fit.original, mode=mode, align_corners=False)[0]
