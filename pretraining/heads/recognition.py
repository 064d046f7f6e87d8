"""Multi-label tag recognition by cosine-attention pooling: the attention is the exported map."""

from __future__ import annotations

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
        pooled: `(B, K, D)`, the feature that each tag's attention pools from the image.
    """

    logits: Tensor
    maps: Tensor
    pooled: Tensor


class CosineAttentionRecognition(nn.Module):
    r"""Recognizes a tag by what its attention map pools.

    .. math:: a = \cos(v, t), \quad u_k = \sum_G \mathrm{softmax}_G(a_k / \tau) V(v), \quad
              z_k = w (u_k \odot t_k) + c

    with one V, w and c for all tags. With V the identity and w constant, :math:`z_k` is the pooled cosine itself, which
    is where training starts. A separate decoder recognizes tags as well but leaves the map at chance (METHOD 1.3).

    Args:
        embedding_dim: D.
        attention_temperature: tau.
    """

    def __init__(self, embedding_dim: int, attention_temperature: float) -> None:
        super().__init__()
        self.attention_temperature = attention_temperature
        self.value = nn.Linear(embedding_dim, embedding_dim, bias=False)
        self.logit = nn.Linear(embedding_dim, 1)
        nn.init.eye_(self.value.weight)
        nn.init.constant_(self.logit.weight, INITIAL_SCALE)
        nn.init.zeros_(self.logit.bias)

    def forward(self, pixels: Tensor, tags: Tensor) -> Recognition:
        """Find tags.

        Args:
            pixels: `(B, D, *G)`, unit vectors.
            tags: `(K, D)`, unit vectors.
        """
        maps = attention_maps(pixels, tags)
        attention = torch.softmax(maps.flatten(2).float() / self.attention_temperature, dim=-1)
        pooled = torch.einsum("bkg,bdg->bkd", attention, pixels.flatten(2).float())
        # V is linear, so that it acts on the pooled vector as on every position, at a fraction of the cost.
        pooled = self.value(pooled)
        logits = self.logit(pooled * tags).squeeze(-1)
        return Recognition(logits, maps, pooled)
