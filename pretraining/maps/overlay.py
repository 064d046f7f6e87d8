"""Maps over images, as a picture for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = 4
PANEL_INCHES, TITLE_INCHES = 2.6, 0.5
# Hounsfield units. Nothing but air in CT is as low as this.
SOFT_TISSUE, LOW_AS_AIR = (-160.0, 240.0), -500.0


@dataclass(frozen=True)
class Panel:
    """One map over one slice.

    Attributes:
        image: `(y, x)`.
        values: `(y, x)` cosines.
        opacity: `(y, x)` in [0, 0.7].
        title: what the map shows.
        recognized: a map of what was not recognized has a pale title.
    """

    image: NDArray[Any]
    values: NDArray[np.float32]
    opacity: NDArray[np.float32]
    title: str
    recognized: bool


def panel_of(image: NDArray[Any], values: NDArray[np.float32], title: str, recognized: bool) -> Panel:
    """A map as one picture: of a volume, the axial slice in which the map peaks.

    Args:
        image: `(y, x)` or `(z, y, x)`.
        values: the map, same shape; NaN is drawn clear.
        title: what it shows.
        recognized: whether the tag was.
    """
    shown = opacity(values)
    if values.ndim == 3:
        peak = int(np.unravel_index(int(np.nanargmax(values)), values.shape)[0])
        image, values, shown = image[peak], values[peak], shown[peak]
    return Panel(image.copy(), values.copy(), shown.copy(), title, recognized)


def window_of(image: NDArray[Any]) -> tuple[float, float]:
    """Intensities to show as black and white: soft tissue in CT, else all but the extremes.

    Args:
        image: any shape, intensities as stored.
    """
    if image.min() < LOW_AS_AIR:
        return SOFT_TISSUE
    low, high = np.percentile(image, (1, 99))
    return float(low), float(high)


def draw_overlays(panels: Sequence[Panel], window: tuple[float, float], path: Path, aspect: float = 1.0) -> None:
    """Draw one panel a tag: the image, and the map over it, strongest positions most opaque.

    Args:
        panels: from `panel_of`.
        window: intensities of black and white.
        path: the PNG to write.
        aspect: height of a pixel relative to its width.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = -(-len(panels) // COLUMNS), min(COLUMNS, len(panels))
    height, width = panels[0].image.shape
    panel_height = min(PANEL_INCHES * height * aspect / width, 3 * PANEL_INCHES) + TITLE_INCHES
    size = (PANEL_INCHES * columns, panel_height * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis, panel in zip(axes.flat, panels, strict=False):
        axis.imshow(panel.image, cmap="gray", vmin=window[0], vmax=window[1], aspect=aspect)
        axis.imshow(panel.values, cmap="inferno", alpha=panel.opacity, aspect=aspect)
        axis.set_title(panel.title, fontsize=8, color="black" if panel.recognized else "gray")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def opacity(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """How opaque a map is drawn: nothing at its median and where it is NaN, 70 % at its maximum.

    Args:
        values: the map.
    """
    low, high = float(np.nanmedian(values)), float(np.nanmax(values))
    return np.nan_to_num(0.7 * np.clip((values - low) / max(high - low, 1e-6), 0, 1)).astype(np.float32)
