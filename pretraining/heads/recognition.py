"""Multi-label tag recognition by cosine-attention pooling: the attention is the exported map."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretraining.image.pixel_projector import attention_maps

# The initial logit of a perfect match (cosine 1) is this above that of no match (cosine 0).
INITIAL_SCALE = 10.0


@dataclass(frozen=True)
class Recognition:
    """What the head finds.

    Attributes:
        logits: `(B, K)`, one a tag.
        maps: `(B, K, *G)`, cosine of pixel and tag embeddings: the pixel-tag attention maps.
        pooled: `(B, K, D)`, the feature u that each tag's attention pools from the image.
    """

    logits: Tensor
    maps: Tensor
    pooled: Tensor


class CosineAttentionRecognition(nn.Module):
    r"""Recognizes a tag by what its attention map pools: the map itself.

    .. math:: a = \cos(v, t), \quad A_k = \mathrm{softmax}_G(a_k / \tau), \quad
              z_k = e^s \sum_G A_k a_k + c, \quad u_k = V \sum_G A_k v

    with one s, c and V for all tags. A map can therefore make its tag likely only where it is high. A logit that is
    read off :math:`u_k` instead lets V turn a map over: attention may then look away from what it recognizes
    (FINDINGS.md compares the two). A separate decoder recognizes tags as well but leaves the map at chance (METHOD
    1.3).

    Args:
        embedding_dim: D.
        attention_temperature: tau.
    """

    def __init__(self, embedding_dim: int, attention_temperature: float) -> None:
        super().__init__()
        self.attention_temperature = attention_temperature
        self.value = nn.Linear(embedding_dim, embedding_dim, bias=False)
        self.log_scale = nn.Parameter(torch.tensor([math.log(INITIAL_SCALE)]))
        self.bias = nn.Parameter(torch.zeros(1))
        nn.init.eye_(self.value.weight)

    def forward(self, pixels: Tensor, tags: Tensor) -> Recognition:
        """Find tags.

        Args:
            pixels: `(B, D, *G)`, unit vectors.
            tags: `(K, D)`, unit vectors.
        """
        maps = attention_maps(pixels, tags)
        attention = torch.softmax(maps.flatten(2).float() / self.attention_temperature, dim=-1)
        pooled = torch.einsum("bkg,bdg->bkd", attention, pixels.flatten(2).float())
        # Cosine and V are linear in the position, so that they act on the pooled vector as on every position.
        logits = self.log_scale.exp() * (pooled * tags).sum(-1) + self.bias
        return Recognition(logits, maps, self.value(pooled))
