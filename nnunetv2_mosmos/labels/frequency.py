"""How frequent each tag's voxels are: where the bias of its attention map starts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnunetv2_mosmos.labels.tag_classes import TagClasses

# The bias of a tag that no case shows, and of one that fills everything.
RAREST, COMMONEST = 1e-4, 0.9


def tag_frequencies(segmentations: Iterable[NDArray[Any]], classes: TagClasses) -> NDArray[np.float64]:
    """The fraction of labelled voxels that each tag fills.

    Args:
        segmentations: label values of any shape, one array a case; negative values lie outside the image.
        classes: the classes of each tag.

    Returns:
        `(K,)`, within bounds that keep its logit moderate.
    """
    filled = np.zeros(len(classes.values))
    labelled = 0
    for segmentation in segmentations:
        values, counts = np.unique(segmentation, return_counts=True)
        valid = values >= 0
        if classes.ignore_value is not None:
            valid &= values != classes.ignore_value
        labelled += int(counts[valid].sum())
        filled += [counts[valid & np.isin(values, own)].sum() for own in classes.values]
    return np.clip(filled / max(labelled, 1), RAREST, COMMONEST)
