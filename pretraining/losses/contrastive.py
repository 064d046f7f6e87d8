"""Global contrastive losses between image and report embeddings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def false_negatives(groups: Tensor) -> Tensor:
    """Pairs that are not negatives of each other: images of one study, and studies with identical reports.

    Args:
        groups: `(B,)`, equal numbers for pairs that must not repel each other.

    Returns:
        `(B, B)` boolean, false on the diagonal.
    """
    same = groups[:, None] == groups[None, :]
    return same & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)


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
