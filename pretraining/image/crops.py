"""Several crops of one study: where they lie, and how they are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd
from numpy.typing import NDArray
from torch.nn import functional

from pretraining.image.pixel_projector import INTERPOLATION


@dataclass(frozen=True)
class Crops:
    """How a study is cut.

    Attributes:
        count: crops a study, V.
        spacing: mm an axis at which they are cut.
    """

    count: int
    spacing: tuple[float, ...]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Crops:
        """From plain types."""
        return cls(int(values["count"]), tuple(values["spacing"]))


def crop_starts(
    shape: Sequence[int], size: Sequence[int], count: int, random: np.random.Generator | None = None
) -> list[tuple[int, ...]]:
    """Where crops start, so that together they cover an image as evenly as their number allows.

    The image is divided into as many equal cells as there are crops, along the axes that one crop covers least. An axis
    that is shorter than a crop is centered in it.

    Args:
        shape: the image's shape.
        size: a crop's shape.
        count: crops.
        random: draws each crop's place within its cell; the places lie on an even grid when omitted.

    Returns:
        `count` positions; negative where a crop begins before the image.
    """
    cells = [1] * len(shape)
    for factor in _prime_factors(count):
        axis = max(range(len(shape)), key=lambda axis: shape[axis] / (cells[axis] * size[axis]))
        cells[axis] *= factor
    starts = []
    for cell in product(*map(range, cells)):
        if random is not None:
            fractions = [(index + random.random()) / number for index, number in zip(cell, cells, strict=True)]
        else:
            fractions = [index / (number - 1) if number > 1 else 0.5 for index, number in zip(cell, cells, strict=True)]
        room = [length - side for length, side in zip(shape, size, strict=True)]
        starts.append(
            tuple(round(f * free) if free > 0 else free // 2 for f, free in zip(fractions, room, strict=True))
        )
    return starts


def _prime_factors(number: int) -> list[int]:
    """The largest first: 12 -> 3, 2, 2."""
    factors: list[int] = []
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            factors.insert(0, divisor)
            number //= divisor
        divisor += 1
    return factors


def resample(image: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """`(C, *S)` to `(C, *shape)`, linearly over the same extent; smoothed first where pixels of a 2D image are lost."""
    if image.shape[1:] == tuple(shape):
        return image
    source = torch.from_numpy(np.ascontiguousarray(image))[None]
    return functional.interpolate(
        source, size=tuple(shape), mode=INTERPOLATION[len(shape)], align_corners=False, antialias=len(shape) == 2
    )[0].numpy()


def cut(image: Any, start: Sequence[int], size: Sequence[int], outside: float = 0.0) -> NDArray[np.float32]:
    """One crop.

    Args:
        image: `(C, *S)`: an array, or a `StoredArray`, of which only the blocks that the crop touches are read.
        start: the crop's first position; negative where it begins before the image.
        size: the crop's shape.
        outside: the value around the image; nnU-Net pads normalized patches with 0.

    Returns:
        `(C, *size)` in fp32.
    """
    box = [[first, first + side] for first, side in zip(start, size, strict=True)]
    crop: NDArray[np.float32] = crop_and_pad_nd(image, box, pad_value=outside, cast_cropped_to=np.float32)
    return np.ascontiguousarray(crop)
