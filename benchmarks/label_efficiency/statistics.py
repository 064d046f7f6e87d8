"""Means, spreads, paired differences, collapsed organs and bootstrapped intervals of the cells of an arm.

Scores are Dice `(P, F, C, O)`: pretraining seed, finetuning seed, held-out case, organ; NaN where a cell has not run or
neither truth nor prediction has the organ. A cell's score is nnU-Net's: per organ the mean over cases, then the mean
over organs.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

COLLAPSED = 0.05
"""An organ whose mean Dice over cases stays below never began to be learned."""
REPLICATES = 2000
SEED = 20240906


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """What one arm reached at one number of cases.

    Attributes:
        cells: how many ran. dice: over all of them.
        finetuning_sd: standard deviation over finetuning seeds of the means over pretraining seeds; NaN below two.
        pretraining_sd: the other way round; NaN, too, where no finetuning seed has two pretrainings, so that the two
            spreads are one.
        collapsed: organs below `COLLAPSED`, mean over cells.
    """

    cells: int
    dice: Estimate
    finetuning_sd: float
    pretraining_sd: float
    collapsed: float


def mean_of(values: Scores, axis: int | tuple[int, ...] | None = None) -> Scores:
    """The mean of what is there; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis))


def cell_scores(scores: Scores) -> Scores:
    """Each cell's score, `(P, F)`."""
    return mean_of(mean_of(scores, 2), 2)


def collapsed(scores: Scores) -> Scores:
    """Collapsed organs of each cell, `(P, F)`; NaN where it has not run."""
    organs = mean_of(scores, 2)
    return np.where(np.isnan(organs).all(2), np.nan, (organs < COLLAPSED).sum(2))


def summarize(scores: Scores) -> Summary:
    """Of one arm."""
    cells = cell_scores(scores)
    return Summary(
        cells=int(np.isfinite(cells).sum()),
        dice=bootstrap(scores),
        finetuning_sd=_deviation(mean_of(cells, 0)),
        pretraining_sd=_deviation(mean_of(cells, 1)) if np.isfinite(cells).sum(0).max() > 1 else float("nan"),
        collapsed=float(mean_of(collapsed(scores))),
    )


def paired_difference(scores: Scores, reference: Scores) -> Estimate | None:
    """How much better an arm is than another on the same labelled cases, seeds and held-out cases.

    Args:
        scores: `(P, F, C, O)`.
        reference: likewise, or `(1, F, C, O)` for an arm that no pretraining enters: it then stands beside each.

    Returns:
        None where the two have no cell in common.
    """
    both = np.isfinite(cell_scores(scores)) & np.isfinite(cell_scores(reference))
    return bootstrap(scores, reference) if both.any() else None


def bootstrap(scores: Scores, reference: Scores | None = None, replicates: int = REPLICATES) -> Estimate:
    """Mean of the cells' scores, or of their differences, and its 95 % percentile interval.

    A replicate draws pretraining seeds, then finetuning seeds, then held-out cases, each with replacement and out of
    those of which something has run. Every pretraining meets the same finetuning seeds and every cell the same cases,
    so that one draw of each holds for all cells (Owen, "The pigeonhole bootstrap", 2007): to draw them anew within
    each seed would pretend that there are more of them. Where every pretraining has met a finetuning seed of its own,
    the pairs are drawn. With three seeds the interval is too narrow rather than too wide.

    Args:
        scores: `(P, F, C, O)`.
        reference: subtracted cell by cell, `(P or 1, F, C, O)`.
        replicates: draws.
    """
    cells = cell_scores(scores) - (0 if reference is None else cell_scores(reference))
    there = np.isfinite(cells)
    if max(there.sum(0).max(), there.sum(1).max()) == 1:
        pretrainings, finetunings = np.nonzero(there)
        scores = scores[pretrainings, finetunings][None]
        if reference is not None:
            reference = reference[pretrainings if len(reference) > 1 else 0, finetunings][None]
    else:
        scores = scores[there.any(1)][:, there.any(0)]
        if reference is not None:
            reference = (reference if len(reference) == 1 else reference[there.any(1)])[:, there.any(0)]
    generator = np.random.default_rng(SEED)
    counts = [
        generator.multinomial(length, np.full(length, 1 / length), size=replicates) for length in scores.shape[:3]
    ]
    whole = [np.ones((1, length), int) for length in scores.shape[:3]]
    drawn = _weighted_means(scores, reference, counts)
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Estimate(float(_weighted_means(scores, reference, whole)[0]), float(low), float(high))


def _weighted_means(scores: Scores, reference: Scores | None, counts: list[NDArray[np.int64]]) -> Scores:
    """The statistic `(R,)` for counts `(R, P)`, `(R, F)`, `(R, C)` of seeds and cases."""
    cells = _weighted_cells(scores, counts[2])
    if reference is not None:
        cells = cells - _weighted_cells(reference, counts[2])
    weights = counts[0][:, :, None] * counts[1][:, None, :] * np.isfinite(cells)
    with np.errstate(invalid="ignore"):
        return np.asarray((weights * np.nan_to_num(cells)).sum((1, 2)) / weights.sum((1, 2)))


def _weighted_cells(scores: Scores, counts: NDArray[np.int64]) -> Scores:
    """Cells' scores `(R, P, F)` for counts `(R, C)` of cases."""
    sums = np.einsum("rc,pfco->rpfo", counts, np.nan_to_num(scores))
    present = np.einsum("rc,pfco->rpfo", counts, np.isfinite(scores).astype(int))
    with np.errstate(invalid="ignore"):
        return mean_of(np.asarray(sums / present), 3)


def _deviation(values: Scores) -> float:
    there = values[np.isfinite(values)]
    return float(np.std(there, ddof=1)) if len(there) > 1 else float("nan")
