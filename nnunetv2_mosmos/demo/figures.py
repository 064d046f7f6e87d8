"""The pictures of the demo's page, as PNG: one panel each, so that the page can stack them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#e4572e", "#4aa3df", "#f3c13a", "#76b041", "#a06cd5", "#e089b4", "#17bebb", "#b07d62")


def curves(lines: Mapping[str, Sequence[float | None]]) -> bytes:
    """Lines over epochs, the first epoch is 1.

    Args:
        lines: label to one value an epoch; None where there is none.
    """
    figure = _new_figure(4.4, 3.0, layout="constrained")
    axes = figure.subplots()
    for (label, values), color in zip(lines.items(), COLORS, strict=False):
        numbers = [np.nan if value is None else value for value in values]
        axes.plot(range(1, len(numbers) + 1), numbers, "o-", color=color, label=label, markersize=3)
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    # Above the panel, where no line can be.
    figure.legend(loc="outside upper center", ncols=len(lines), frameon=False, fontsize=9)
    return _to_png(figure)


def picture(image: NDArray[Any], low: float, high: float) -> bytes:
    """A slice in grey values from `low` to `high`."""
    figure, _ = _slice(image, low, high)
    return _to_png(figure)


def map_over(image: NDArray[Any], values: NDArray[np.floating[Any]], organ: NDArray[np.bool_] | None) -> bytes:
    """A map over an 8-bit slice, with the organ's outline where it is there."""
    figure, axes = _slice(image, 0, 255)
    axes.imshow(values, cmap="inferno", alpha=0.6)
    if organ is not None:
        axes.contour(organ, levels=[0.5], colors="#39ff88", linewidths=1.2)
    return _to_png(figure)


def labels_over(image: NDArray[Any], labels: NDArray[Any], low: float, high: float, count: int) -> bytes:
    """Label values 1 to `count` over a slice, in the order of `COLORS`."""
    from matplotlib.colors import ListedColormap

    figure, axes = _slice(image, low, high)
    palette = ListedColormap(["#00000000", *(COLORS[index % len(COLORS)] for index in range(count))])
    axes.imshow(labels, cmap=palette, vmin=0, vmax=count, alpha=0.75, interpolation="nearest")
    return _to_png(figure)


def _slice(image: NDArray[Any], low: float, high: float) -> tuple[Figure, Axes]:
    """A figure that the slice fills to its edges."""
    rows, columns = image.shape
    figure = _new_figure(1.6, 1.6 * rows / columns)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    axes.set_axis_off()
    return figure, axes


def _new_figure(width: float, height: float, layout: Literal["constrained"] | None = None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _to_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, facecolor="white")
    return buffer.getvalue()
