"""Multi-label tag recognition over the tags whose state a report settles: asymmetric loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pretraining.losses.masked_bce import UNKNOWN


def masked_asymmetric(
    logits: Tensor, targets: Tensor, gamma_negative: float = 4.0, gamma_positive: float = 1.0, clip: float = 0.05
) -> Tensor:
    r"""Asymmetric loss (Ridnik et al., *Asymmetric Loss For Multi-Label Classification*, 2021), mean over the known.

    .. math:: L_+ = (1-p)^{\gamma_+} \log p, \quad L_- = p_m^{\gamma_-} \log(1-p_m), \quad p_m = \max(p - m, 0)

    The published code sums; the mean keeps its scale independent of the number of tags.

    Args:
        logits: `(B, K)`.
        targets: `(B, K)` in {1, 0, -1}.
        gamma_negative: focusing of negatives.
        gamma_positive: focusing of positives.
        clip: probability margin m.

    Returns:
        A scalar in fp32; 0 when nothing is known.
    """
    known = targets != UNKNOWN
    probability = torch.sigmoid(logits.float())
    shifted = (probability - clip).clamp(min=0)
    positive = (1 - probability) ** gamma_positive * functional.logsigmoid(logits.float())
    negative = shifted**gamma_negative * torch.log1p(-shifted)
    losses = -torch.where(targets == 1, positive, negative)
    return (losses * known).sum() / known.sum().clamp(min=1)
