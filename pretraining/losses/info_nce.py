"""Global contrast of image and report embeddings, by softmax."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pretraining.losses.false_negatives import false_negatives


def info_nce(images: Tensor, reports: Tensor, temperature: Tensor, groups: Tensor) -> Tensor:
    r"""Symmetric InfoNCE (MOSMOS abstract: global contrastive learning; formula of CLIP, Radford et al., 2021).

    .. math:: -\frac{1}{2B} \sum_i \log \frac{e^{g_i r_i/\tau}}{\sum_j e^{g_i r_j/\tau}}
              + \log \frac{e^{g_i r_i/\tau}}{\sum_j e^{g_j r_i/\tau}}

    where the sums leave out the false negatives.

    Args:
        images: `(B, D)`, unit vectors.
        reports: `(B, D)`, unit vectors.
        temperature: scalar.
        groups: `(B,)`, see `false_negatives`.

    Returns:
        A scalar in fp32; 0 for a batch without negatives.
    """
    logits = images.float() @ reports.float().T / temperature
    logits = logits.masked_fill(false_negatives(groups), float("-inf"))
    target = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2
