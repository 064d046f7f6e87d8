"""Adds pixel-tag attention maps to the features that a U-Net hands from its encoder to its decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretraining.image.pixel_projector import INTERPOLATION

SMALLEST_STRIDE = 4


def injection_stages(strides: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The stages that receive maps (METHOD 2.2): those of stride >= 4, the bottleneck included.

    Args:
        strides: cumulative strides of the encoder stages, per axis.

    Returns:
        Stage indices; the deepest stage where none reaches it along any axis.
    """
    stages = tuple(stage for stage, stride in enumerate(strides) if max(stride) >= SMALLEST_STRIDE)
    return stages or (len(strides) - 1,)


@dataclass(frozen=True)
class Entrance:
    """A layer through which maps enter a network.

    Attributes:
        layer: the layer.
        parts: splits the layer's inputs into what it makes of everything else and what it makes of the maps, two
            tensors of one shape.
    """

    layer: nn.Module
    parts: Callable[..., tuple[Tensor, Tensor]]


class MapInjection(nn.Module):
    """`features + P([features, maps])` with P a 1x1 convolution that starts at zero.

    At the first step the features pass unchanged. P is kept as two convolutions, one of the features and one of the
    maps: their sum is the convolution of the concatenation, which therefore never has to exist. The maps are resampled
    before they are projected, not after, because they have fewer channels than the features.

    Args:
        channels: channels C of the features.
        tags: number K of maps.
        dim: 2 or 3.
    """

    def __init__(self, channels: int, tags: int, dim: int) -> None:
        super().__init__()
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[dim]
        self.features = convolution(channels, channels, 1)
        self.maps = convolution(tags, channels, 1, bias=False)
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor, maps: Tensor) -> Tensor:
        """Inject.

        Args:
            features: `(B, C, *S)`.
            maps: `(B, K, *G)`, on the map grid.

        Returns:
            `(B, C, *S)`.
        """
        features, added = self.parts(features, maps)
        return features + self.features(features) + added

    def parts(self, features: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The features as they came, and what the maps add to them."""
        return features, self.maps(resample_maps(maps, features.shape[2:]))


def resample_maps(maps: Tensor, size: torch.Size) -> Tensor:
    """Bring maps `(B, K, *G)` to a coarser grid by area, to a finer one linearly."""
    if maps.shape[2:] == size:
        return maps
    if maps.shape[2:].numel() > size.numel():
        return functional.interpolate(maps, size=size, mode="area")
    return functional.interpolate(maps, size=size, mode=INTERPOLATION[len(size)], align_corners=False)
