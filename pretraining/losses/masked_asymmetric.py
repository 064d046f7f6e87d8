"""Multi-label tag recognition over the tags whose state a report settles: asymmetric loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pretraining.losses.masked_bce import UNKNOWN

GAMMA_NEGATIVE, GAMMA_POSITIVE = 4.0, 1.0
MARGIN = 0.05


def masked_asymmetric(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Asymmetric loss (Ridnik et al., *Asymmetric Loss For Multi-Label Classification*, 2021), mean over the known.

    .. math:: L_+ = (1-p)^{\gamma_+} \log p, \quad L_- = p_m^{\gamma_-} \log(1-p_m), \quad p_m = \max(p - m, 0)

    with :math:`\gamma_- = 4`, :math:`\gamma_+ = 1` and m = 0.05. The published code sums; the mean keeps its scale
    independent of the number of tags.

    Args:
        logits: `(B, K)`.
        targets: `(B, K)` in {1, 0, -1}.

    Returns:
        A scalar in fp32; 0 when nothing is known.
    """
    known = targets != UNKNOWN
    probability = torch.sigmoid(logits.float())
    shifted = (probability - MARGIN).clamp(min=0)
    positive = (1 - probability) ** GAMMA_POSITIVE * functional.logsigmoid(logits.float())
    negative = shifted**GAMMA_NEGATIVE * torch.log1p(-shifted)
    losses = -torch.where(targets == 1, positive, negative)
    return (losses * known).sum() / known.sum().clamp(min=1)
