"""Pixel embeddings: a unit vector per position of the map grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

INTERPOLATION = {2: "bilinear", 3: "trilinear"}


class PixelProjector(nn.Module):
    """Brings every encoder stage from the map stage on to the map grid and adds them up (FPN-like).

    MOSMOS (Tian et al., BSPC 2025) compares pixels with tags; which features its pixels come from is our choice: the
    bottleneck alone localizes poorly, so that deeper stages add context to the map stage's positions (METHOD 1.1).

    Args:
        channels: channels of each encoder stage.
        strides: cumulative strides of each stage, per axis.
        map_stage: index of the stage whose grid the embeddings take.
        embedding_dim: length D of an embedding.
        dim: 2 or 3.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        map_stage: int,
        embedding_dim: int,
        dim: int,
    ) -> None:
        super().__init__()
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dim]
        self.map_stage = map_stage
        self.map_stride = tuple(int(step) for step in strides[map_stage])
        self.mode = INTERPOLATION[dim]
        self.laterals = nn.ModuleDict(
            {str(stage): convolution(channels[stage], embedding_dim, 1) for stage in range(map_stage, len(channels))}
        )

    def leave_out_deeper_stages(self) -> None:
        """Make deeper stages add nothing, and keep it so; a network that starts from here may learn to use them."""
        for stage, lateral in self.laterals.items():
            if int(stage) != self.map_stage:
                for parameter in lateral.parameters():
                    nn.init.zeros_(parameter).requires_grad_(False)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Embed the positions of the map grid.

        Args:
            features: the encoder's features, `(B, C_i, *S_i)` a stage.

        Returns:
            `(B, D, *G)` with unit length along D, G being the map stage's grid, in fp32.
        """
        grid = features[self.map_stage].shape[2:]
        total: Tensor | None = None
        for stage, lateral in self.laterals.items():
            projected = lateral(features[int(stage)])
            if projected.shape[2:] != grid:
                projected = functional.interpolate(projected, size=grid, mode=self.mode, align_corners=False)
            total = projected if total is None else total + projected
        assert total is not None
        return functional.normalize(total.float(), dim=1)


def attention_maps(pixels: Tensor, tags: Tensor) -> Tensor:
    """Pixel-tag attention maps: the cosine of every pixel embedding with every tag embedding.

    Args:
        pixels: `(B, D, *G)`, unit vectors.
        tags: `(K, D)`, unit vectors.

    Returns:
        `(B, K, *G)` in [-1, 1].
    """
    return torch.einsum("bd...,kd->bk...", pixels, tags.to(pixels.dtype))
