"""The drawn figures of the page, as `data:` URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_INK = "#22303c"
_FILL = "#3d7ea6"
_MODALITY_COLOURS = ("#3d7ea6", "#c8553d", "#588b8b", "#b5838d", "#6b705c", "#e09f3e")


def report_lengths(words: Sequence[int]) -> str:
    """Histogram of report lengths, in words."""
    figure, axes = _figure(5.2, 2.6)
    longest = np.quantile(words, 0.99) if len(words) else 1
    axes.hist(np.clip(words, 0, longest), bins=30, color=_FILL)
    axes.set_xlabel("words in a report (the longest 1 % in the last bar)")
    axes.set_ylabel("reports")
    return _uri(figure)


def intensities(quantiles: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """Histograms of intensities, every image with equal weight, a panel a modality.

    The lowest value of each image, mostly background, is left out: its bar would hide the rest.

    Args:
        quantiles: modality -> the quantiles of its images.
    """
    figure = Figure(figsize=(max(5.2, 3.2 * len(quantiles)), 2.6), layout="constrained")
    for index, (modality, images) in enumerate(quantiles.items()):
        axes = figure.add_subplot(1, len(quantiles), index + 1)
        values = np.concatenate([np.asarray(image)[np.asarray(image) > min(image)] for image in images])
        low, high = np.quantile(values, (0.005, 0.995))
        axes.hist(
            np.clip(values, low, high), bins=40, color=_MODALITY_COLOURS[index % len(_MODALITY_COLOURS)], density=True
        )
        axes.set_title(f"{modality} ({len(images)} images)", fontsize=9, color=_INK)
        axes.set_xlabel("HU" if modality == "CT" else "stored value above the lowest")
        _clean(axes)
        axes.set_yticks([])
    return _uri(figure)


def co_occurrence(tags: Sequence[str], shares: np.ndarray) -> str:
    """How often the tag of a column is present where the tag of a row is.

    Args:
        tags: `K` ids.
        shares: `(K, K)`, 0 to 1.
    """
    side = 1.8 + 0.24 * len(tags)
    figure, axes = _figure(side + 0.8, side)
    drawn = axes.imshow(shares, cmap="BuGn", vmin=0, vmax=1)
    axes.set_xticks(range(len(tags)), tags, rotation=90, fontsize=8)
    axes.set_yticks(range(len(tags)), tags, fontsize=8)
    axes.spines[:].set_visible(False)
    figure.colorbar(drawn, ax=axes, shrink=0.6, label="share of the row's studies")
    return _uri(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _clean(axes)
    return figure, axes


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_INK, labelsize=8)


def _uri(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
