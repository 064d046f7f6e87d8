"""The UNETR of the paper, laid out for the patch that nnU-Net planned, with pixel-tag attention maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from nnunetv2_mosmos.networks.base import Logits, MosmosNetwork
from nnunetv2_mosmos.networks.injection import MapInjection, injection_stages
from nnunetv2_mosmos.networks.unetr_decoder import UnetrDecoder, UnetrSkips, level_channels
from nnunetv2_mosmos.networks.unetr_layout import deep_supervision_scales
from nnunetv2_mosmos.settings import MapSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.image.vit import VitEncoder


class MosmosUNETR(MosmosNetwork):
    """UNETR (Hatamizadeh et al., WACV 2022) in 2D and 3D, the segmentation network of MOSMOS.

    Its input is a multiple of the token size on every axis, as nnU-Net's patches are. Maps live on the token grid and
    come from every tap; they enter at the decoder's levels of stride >= 4, the tokens included.

    `unetr_arguments` gives the first four arguments for a configuration of nnU-Net.

    Args:
        dim: 2 or 3.
        input_channels: channels of the input.
        encoder_arguments: what `VitEncoder` takes beside these two.
        levels: cumulative strides of the decoder's levels, per axis; the first all 1, the last the token size.
        num_classes: output channels.
        deep_supervision: whether the decoder returns a list of logits.
        maps: tags, embedding size and temperature; its stages count the U-Net's and are not used. None for the network
            without maps.
        input_affine: see `MosmosNetwork`.
    """

    def __init__(
        self,
        dim: int,
        input_channels: int,
        encoder_arguments: Mapping[str, Any],
        levels: Sequence[Sequence[int]],
        num_classes: int,
        deep_supervision: bool = True,
        maps: MapSettings | None = None,
        input_affine: InputAffine | None = None,
    ) -> None:
        encoder = VitEncoder(dim, input_channels, **encoder_arguments)
        hidden_size = encoder.output_channels[-1]
        decoder = UnetrDecoder(dim, hidden_size, levels, num_classes, deep_supervision)
        taps_only = replace(maps, map_stage=0, injection_stages=()) if maps else None
        super().__init__(encoder, decoder, encoder.output_channels, encoder.strides, taps_only, input_affine)
        self.skips = UnetrSkips(dim, input_channels, hidden_size, levels)
        self.tap_count = len(encoder.taps)
        self.levels = [list(stride) for stride in levels]
        if maps is not None:
            channels = level_channels(hidden_size, levels)
            self.injections = nn.ModuleDict(
                {str(level): MapInjection(channels[level], len(maps.tags), dim) for level in injection_stages(levels)}
            )

    def deep_supervision_scales(self) -> list[list[float]]:
        """The scales of the outputs with deep supervision, per axis, as nnU-Net's trainer counts them."""
        return deep_supervision_scales(self.levels)

    def inject(self, features: list[Tensor], maps: Tensor) -> list[Tensor]:
        """Hand the maps on behind the taps: they enter at the decoder's levels, which `decode` makes."""
        return [*features, maps]

    def decode(self, features: list[Tensor], x: Tensor) -> Logits:
        """Logits from the taps, the maps behind them if there are any, and the input `x` itself."""
        levels = self.skips(x, features[: self.tap_count])
        if len(features) > self.tap_count:
            levels = super().inject(levels, features[self.tap_count])
        logits: Logits = self.decoder(levels)
        return logits
