"""What every MOSMOS network does: see through the encoder, compare with the tags, tell the decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from nnunetv2_mosmos.networks.injection import Entrance, MapInjection
from nnunetv2_mosmos.networks.input_scaling import InputScaling
from nnunetv2_mosmos.settings import MapSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.image.pixel_projector import PixelProjector, attention_maps

Logits = Tensor | list[Tensor]


class MosmosNetwork(nn.Module):
    """An encoder, a decoder, and pixel-tag attention maps in between.

    With `maps=None` it is the encoder and the decoder alone.

    Args:
        encoder: maps `(B, C, *S)` to a list of features, the shallowest first.
        decoder: maps such a list to logits; `decoder.deep_supervision` switches between one tensor and a list.
        channels: channels of each feature.
        strides: cumulative strides of each feature, per axis.
        maps: where maps come from and go to.
        input_affine: applied to the input, so that it holds in training and prediction alike.
    """

    tag_embeddings: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        maps: MapSettings | None,
        input_affine: InputAffine | None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.dim = len(strides[0])
        self.input_scaling = InputScaling(input_affine, self.dim)
        self.has_maps = maps is not None
        if maps is not None:
            self._add_maps(maps, channels, strides)

    def _add_maps(self, maps: MapSettings, channels: Sequence[int], strides: Sequence[Sequence[int]]) -> None:
        count = len(maps.tags)
        self.injected = maps.injected
        self.pixel_projector = PixelProjector(channels, strides, maps.map_stage, maps.embedding_dim, self.dim)
        self.register_buffer("tag_embeddings", torch.zeros(count, maps.embedding_dim))
        self.map_bias = nn.Parameter(torch.zeros(count))
        log_temperature = torch.tensor(math.log(maps.temperature))
        if maps.learn_temperature:
            self.log_map_temperature = nn.Parameter(log_temperature)
        else:
            self.register_buffer("log_map_temperature", log_temperature)
        self.injections = nn.ModuleDict(
            {str(stage): MapInjection(channels[stage], count, self.dim) for stage in maps.injection_stages}
        )

    def encode(self, x: Tensor) -> list[Tensor]:
        """The encoder's features of an input `(B, C, *S)`, the shallowest first."""
        return list(self.encoder(self.input_scaling(x)))

    def maps_of(self, features: Sequence[Tensor]) -> Tensor:
        """Pixel-tag attention maps `(B, K, *G)` in [-1, 1] of the encoder's features."""
        return attention_maps(self.pixel_projector(features), self.tag_embeddings)

    def map_logits(self, maps: Tensor) -> Tensor:
        """`a / tau + b_k` (METHOD 2.3): what the auxiliary loss compares with the labels, `(B, K, *G)`."""
        bias = self.map_bias.view((1, -1) + (1,) * self.dim)
        return maps / self.log_map_temperature.exp() + bias

    def injected_maps(self, maps: Tensor) -> Tensor:
        """What of maps `(B, K, *G)` enters the features; see `settings.Injected`."""
        if self.injected == "cosine":
            return maps
        if self.injected == "scaled":
            return maps / self.log_map_temperature.exp()
        return self.map_logits(maps).sigmoid()

    def inject(self, features: list[Tensor], maps: Tensor) -> list[Tensor]:
        """The features with the maps added to the stages that receive them."""
        maps = self.injected_maps(maps)
        return [
            self.injections[str(stage)](feature, maps) if str(stage) in self.injections else feature
            for stage, feature in enumerate(features)
        ]

    def entrances(self) -> dict[str, Entrance]:
        """Where maps enter, by the stage's name."""
        layers: Any = self.injections
        return {f"stage {stage}": Entrance(layer, layer.parts) for stage, layer in layers.items()}

    def decode(self, features: list[Tensor], x: Tensor) -> Logits:
        """The decoder's logits; `x` is the network's input, for decoders that use it."""
        logits: Logits = self.decoder(features)
        return logits

    @overload
    def forward(self, x: Tensor, return_maps: Literal[False] = False) -> Logits: ...
    @overload
    def forward(self, x: Tensor, return_maps: Literal[True]) -> tuple[Logits, Tensor | None]: ...

    def forward(self, x: Tensor, return_maps: bool = False) -> Logits | tuple[Logits, Tensor | None]:
        """Segment.

        Maps leave through the return value and only on demand: nnU-Net's validation and prediction call `network(x)`
        and get logits alone, and no hook or attribute has to survive torch.compile and DistributedDataParallel.

        Args:
            x: `(B, C, *S)` as nnU-Net normalizes it.
            return_maps: also return the map logits that the auxiliary loss needs.

        Returns:
            Logits `(B, classes, *S)`, or a list of them with deep supervision; with `return_maps` a pair of these and
            the map logits `(B, K, *G)` (None for a network without maps).
        """
        features = self.encode(x)
        if not self.has_maps:
            logits = self.decode(features, x)
            return (logits, None) if return_maps else logits
        maps = self.maps_of(features)
        logits = self.decode(self.inject(features, maps), x)
        return (logits, self.map_logits(maps)) if return_maps else logits
