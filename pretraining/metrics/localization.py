"""Do attention maps lie on the organs?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_PIXELS = 6
"""A sliver of an organ says nothing about a map."""

# A volume has millions of voxels and a hundred maps, whose sorting would take minutes: beyond this many values they are
# rounded to as many levels, which one pass counts.
LEVELS = 2**16


@dataclass(frozen=True)
class Localization:
    """How one map lies on one organ.

    Attributes:
        auroc: area under the ROC curve over pixels; chance is 0.5.
        average_precision: over pixels.
        hit: whether the map's highest position lies in the organ (pointing game).
        prevalence: the organ's share of the pixels: what chance gives for `average_precision` and `hit`.
    """

    auroc: float
    average_precision: float
    hit: bool
    prevalence: float


def localize(values: NDArray[np.floating[Any]], mask: NDArray[np.bool_]) -> Localization | None:
    """Compare a map with the organ's mask.

    Args:
        values: `(*S,)`; NaN where the network saw nothing.
        mask: `(*S,)`, true in the organ.

    Returns:
        None where the organ fills everything or nearly nothing of what the network saw.
    """
    seen = np.isfinite(values)
    score, truth = values[seen], mask[seen]
    if not FEWEST_PIXELS <= truth.sum() < truth.size:
        return None
    auroc, average_precision = _areas(score, truth)
    return Localization(auroc, average_precision, bool(truth[int(np.argmax(score))]), float(truth.mean()))


def _areas(score: NDArray[np.floating[Any]], truth: NDArray[np.bool_]) -> tuple[float, float]:
    """AUROC and average precision."""
    levels = _levels(score)
    count = int(levels.max()) + 1
    inside, outside = (np.bincount(levels[part], minlength=count)[::-1].astype(float) for part in (truth, ~truth))
    found, wrong = np.cumsum(inside), np.cumsum(outside)
    # Of two equal scores each is taken for the higher one in half of all cases.
    auroc = float((inside * (wrong[-1] - wrong + outside / 2)).sum() / (found[-1] * wrong[-1]))
    average_precision = float((inside * found / np.maximum(found + wrong, 1)).sum() / found[-1])
    return auroc, average_precision


def _levels(score: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Whole numbers from 0 in the order of the scores; exact for up to `LEVELS` of them."""
    if score.size <= LEVELS:
        return np.unique(score, return_inverse=True)[1]
    low, high = float(score.min()), float(score.max())
    scale = (LEVELS - 1) / (high - low) if high > low else 0.0
    return ((score.astype(float) - low) * scale).round().astype(np.int64)


def mean_localization(found: Mapping[str, Sequence[Localization]]) -> dict[str, dict[str, float]]:
    """Means of each organ over its studies.

    Args:
        found: tag -> one entry a study in which the organ is.

    Returns:
        tag -> `auroc`, `average_precision`, `hit`, `prevalence`, `studies`.
    """
    names = ("auroc", "average_precision", "hit", "prevalence")
    return {
        tag: {
            **{name: float(np.mean([getattr(one, name) for one in entries])) for name in names},
            "studies": len(entries),
        }
        for tag, entries in found.items()
        if entries
    }
