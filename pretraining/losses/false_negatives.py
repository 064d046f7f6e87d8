"""Which pairs must not repel each other."""

from __future__ import annotations

import torch
from torch import Tensor


def false_negatives(groups: Tensor) -> Tensor:
    """Pairs that are not negatives of each other: images of one study, and studies with identical reports.

    Args:
        groups: `(B,)`, equal numbers for pairs that must not repel each other.

    Returns:
        `(B, B)` boolean, false on the diagonal.
    """
    same = groups[:, None] == groups[None, :]
    return same & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)
