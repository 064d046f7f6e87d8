"""How well tags are recognized, over the studies whose reports settle them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def tag_scores(logits: NDArray[Any], targets: NDArray[Any]) -> dict[str, list[float | None]]:
    """Area under the ROC curve and average precision of each tag.

    Args:
        logits: `(N, K)`.
        targets: `(N, K)` in {1, 0, -1}; -1 is left out.

    Returns:
        `auc` and `ap`, one number a tag, None where a tag has not both a present and a negative study.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores: dict[str, list[float | None]] = {"auc": [], "ap": []}
    for tag in range(logits.shape[1]):
        known = targets[:, tag] >= 0
        truth, score = targets[known, tag], logits[known, tag]
        both = 0 < truth.sum() < len(truth)
        scores["auc"].append(float(roc_auc_score(truth, score)) if both else None)
        scores["ap"].append(float(average_precision_score(truth, score)) if both else None)
    return scores


def within_regions(targets: NDArray[Any], covered: NDArray[np.bool_]) -> NDArray[Any]:
    """Targets whose negatives come only from studies that cover the tag's region.

    Across regions a score measures whether the body region is recognized (METHOD 1.4).

    Args:
        targets: `(N, K)` in {1, 0, -1}.
        covered: `(N, K)`, whether the study's report covers one of the tag's regions.

    Returns:
        `(N, K)`, the other negatives unknown.
    """
    return np.where((targets == 0) & ~covered, -1, targets)


def mean_known(values: list[float | None]) -> float | None:
    """The mean of the numbers that are known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
