"""Can the recognition head's probabilities be believed?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15


def brier(probability: NDArray[np.floating[Any]], truth: NDArray[Any]) -> float:
    """Mean squared difference of probability and truth (Brier 1950); lower is better.

    Args:
        probability: `(N,)` in [0, 1].
        truth: `(N,)` in {0, 1}.
    """
    return float(np.mean((probability - truth) ** 2))


def base_rate_brier(truth: NDArray[Any]) -> float:
    """The Brier score of whoever always says how frequent the truth is: what a useful probability must beat."""
    rate = float(np.mean(truth))
    return rate * (1 - rate)


def reliability(probability: NDArray[np.floating[Any]], truth: NDArray[Any], bins: int = BINS) -> list[dict[str, Any]]:
    """What was promised and what came true, in bins of equal mass from the least to the most probable.

    Of equal probabilities, which more than one bin may hold, each counts as true as they are on average.

    Args:
        probability: `(N,)` in [0, 1], at least one.
        truth: `(N,)` in {0, 1}.
        bins: how many; no more than there are entries.

    Returns:
        One object a bin: `entries`, `lowest`, `highest`, `mean_probability`, `observed`.
    """
    order = np.argsort(probability, kind="stable")
    _, level, entries = np.unique(probability, return_inverse=True, return_counts=True)
    truth = (np.bincount(level, truth) / entries)[level]
    return [
        {
            "entries": len(part),
            "lowest": float(probability[part[0]]),
            "highest": float(probability[part[-1]]),
            "mean_probability": float(probability[part].mean()),
            "observed": float(truth[part].mean()),
        }
        for part in np.array_split(order, min(bins, len(order)))
    ]


def calibration_error(table: list[dict[str, Any]]) -> float:
    """Expected calibration error: the bins' mean distance of promise and truth, weighted by their entries.

    Equal-mass bins (Nguyen and O'Connor 2015) leave no bin without entries.

    Args:
        table: of `reliability`.
    """
    entries = sum(row["entries"] for row in table)
    return float(sum(row["entries"] * abs(row["mean_probability"] - row["observed"]) for row in table) / entries)
