"""Maps over images, as a picture for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = 4


def shown_slice(values: NDArray[Any], at: NDArray[np.floating[Any]]) -> NDArray[Any]:
    """The axial slice in which a map peaks; a 2D image as it is.

    Args:
        values: `(y, x)` or `(z, y, x)`: what to cut.
        at: the map, same shape.
    """
    if values.ndim == 2:
        return values
    return np.asarray(values[int(np.unravel_index(int(np.argmax(at)), at.shape)[0])])


def draw_overlays(
    image: NDArray[Any],
    maps: NDArray[np.float32],
    titles: Sequence[str],
    path: Path,
    aspect: float = 1.0,
) -> None:
    """Draw one panel a tag: the image, and the map over it, strongest positions most opaque.

    Args:
        image: `(y, x)` or `(z, y, x)`; of a volume, the slice where the map peaks is drawn.
        maps: `(K, *S)` cosines.
        titles: one a map.
        path: the PNG to write.
        aspect: height of a pixel relative to its width.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows, columns = -(-len(maps) // COLUMNS), min(COLUMNS, len(maps))
    figure, axes = pyplot.subplots(rows, columns, figsize=(2.6 * columns, 2.8 * rows), squeeze=False)
    low, high = np.percentile(image, (1, 99))
    for axis, one, title in zip(axes.flat, maps, titles, strict=False):
        over = shown_slice(one, one)
        axis.imshow(shown_slice(image, one), cmap="gray", vmin=low, vmax=high, aspect=aspect)
        axis.imshow(over, cmap="inferno", alpha=opacity(one, over), aspect=aspect)
        axis.set_title(title, fontsize=8)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def opacity(whole: NDArray[np.float32], part: NDArray[np.float32]) -> NDArray[np.float32]:
    """How opaque a map is drawn: nothing at its median, 70 % at its maximum.

    Args:
        whole: the map.
        part: what of it is drawn.
    """
    low, high = float(np.median(whole)), float(whole.max())
    return np.asarray(0.7 * np.clip((part - low) / max(high - low, 1e-6), 0, 1), np.float32)
