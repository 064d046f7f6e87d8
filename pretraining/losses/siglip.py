"""Global contrast of image and report embeddings, pair by pair."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pretraining.losses.false_negatives import false_negatives


def siglip(images: Tensor, reports: Tensor, temperature: Tensor, bias: Tensor, groups: Tensor) -> Tensor:
    r"""Pairwise sigmoid loss (Zhai et al., *Sigmoid Loss for Language Image Pre-Training*, 2023), for small batches.

    .. math:: -\frac{1}{B} \sum_{i,j} \log \sigma\left(z_{ij} (g_i r_j / \tau + b)\right), z_{ij} = \pm 1

    Args:
        images: `(B, D)`, unit vectors.
        reports: `(B, D)`, unit vectors.
        temperature: scalar.
        bias: scalar; starts at -10 so that the many negatives do not dominate.
        groups: `(B,)`, see `false_negatives`; those pairs are left out.

    Returns:
        A scalar in fp32.
    """
    logits = images.float() @ reports.float().T / temperature + bias
    signs = 2 * torch.eye(len(logits), device=logits.device) - 1
    pairs = functional.logsigmoid(signs * logits)
    return -pairs.masked_fill(false_negatives(groups), 0.0).sum() / len(logits)
