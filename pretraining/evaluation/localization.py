"""Do attention maps lie on the organs?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        None where the organ fills nothing or everything of what the network saw.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    seen = np.isfinite(values)
    score, truth = values[seen], mask[seen]
    if not 0 < truth.sum() < truth.size:
        return None
    return Localization(
        float(roc_auc_score(truth, score)),
        float(average_precision_score(truth, score)),
        bool(truth[int(np.argmax(score))]),
        float(truth.mean()),
    )


def mean_localization(found: Mapping[str, list[Localization]]) -> dict[str, dict[str, float]]:
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
