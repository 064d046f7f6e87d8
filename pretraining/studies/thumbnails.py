"""Small pictures of prepared images, for the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pretraining.studies.arrays import read_array, read_shape

HEIGHT = 200
"""Pixels."""

# Soft tissue, HU; other modalities are windowed between quantiles.
_CT_WINDOW = (-160.0, 240.0)
_MASK_COLOURS = np.array(
    [(230, 60, 60), (60, 180, 75), (255, 200, 30), (0, 130, 200), (245, 130, 48), (145, 30, 180), (70, 240, 240)]
)
_MASK_OPACITY = 0.4


def thumbnail(path: Path, modality: str, spacing: Sequence[float] | None, mask: Path | None = None) -> str:
    """A picture of an image as a `data:` URI: the middle axial and coronal slice in 3D, the mask as a tint.

    Args:
        path: a prepared array; its first channel is shown.
        modality: CT gets a soft-tissue window.
        spacing: mm, array order, so that slices keep their proportions; None for square pixels.
        mask: labels on the same grid.
    """
    shape = read_shape(path)[1:]
    spacing = spacing or (1.0,) * len(shape)
    low, high = _window(path, modality)
    views = _views(shape, _centre(shape, mask))
    panels = [_panel(path, mask, box, _sides(box, spacing), low, high) for box in views]
    sheet = Image.new("RGB", (sum(panel.width for panel in panels) + 4 * (len(panels) - 1), HEIGHT), "black")
    left = 0
    for panel in panels:
        sheet.paste(panel, (left, 0))
        left += panel.width + 4
    return data_uri(sheet)


def data_uri(picture: Image.Image) -> str:
    """A picture as JPEG inside a URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _centre(shape: Sequence[int], mask: Path | None) -> list[int]:
    """The middle of the labels, or of the image where there are none."""
    if mask is not None:
        labelled = np.nonzero(read_array(mask)[0])
        if labelled[0].size:
            return [int(np.median(indices)) for indices in labelled]
    return [length // 2 for length in shape]


def _views(shape: Sequence[int], centre: Sequence[int]) -> list[tuple[slice, ...]]:
    """Boxes of single slices through a voxel, channels first."""
    first, whole = slice(0, 1), slice(None)
    if len(shape) == 2:
        return [(first, whole, whole)]
    middle = [slice(index, index + 1) for index in centre]
    return [(first, middle[0], whole, whole), (first, whole, middle[1], whole)]


def _sides(box: tuple[slice, ...], spacing: Sequence[float]) -> tuple[float, float]:
    rows, columns = (length for part, length in zip(box[1:], spacing, strict=True) if part == slice(None))
    return rows, columns


def _window(path: Path, modality: str) -> tuple[float, float]:
    if modality == "CT":
        return _CT_WINDOW
    shape = read_shape(path)
    step = max(1, int(np.prod(shape)) // 500_000)
    low, high = np.quantile(read_array(path).reshape(-1)[::step], (0.005, 0.995))
    return float(low), max(float(high), float(low) + 1e-6)


def _panel(
    path: Path, mask: Path | None, box: tuple[slice, ...], sides: tuple[float, float], low: float, high: float
) -> Image.Image:
    # A coronal slice has its feet in the first row.
    flip = slice(None, None, -1) if len(box) == 4 and box[1] == slice(None) else slice(None)
    plane = np.squeeze(read_array(path, box)[0], axis=tuple(i for i, part in enumerate(box[1:]) if part != slice(None)))
    grey = (np.clip((plane[flip] - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    colour = np.repeat(grey[..., np.newaxis], 3, axis=-1)
    if mask is not None:
        labels = read_array(mask, box)[0].reshape(plane.shape)[flip].astype(int)
        tint = _MASK_COLOURS[(labels - 1) % len(_MASK_COLOURS)]
        mixed = colour * (1 - _MASK_OPACITY) + tint * _MASK_OPACITY
        colour = np.where(labels[..., np.newaxis] > 0, mixed, colour).astype(np.uint8)
    width = max(1, round(HEIGHT * plane.shape[1] * sides[1] / (plane.shape[0] * sides[0])))
    return Image.fromarray(colour).resize((min(width, 3 * HEIGHT), HEIGHT), Image.Resampling.BILINEAR)
