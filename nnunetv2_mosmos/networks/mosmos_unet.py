"""The U-Net that nnU-Net planned, with pixel-tag attention maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from torch import nn

from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.planned import has_unet_parts
from nnunetv2_mosmos.settings import MapSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.errors import UserError


class MosmosUNet(MosmosNetwork):
    """Wraps a U-Net without copying it: its encoder and decoder keep their parameters and their names.

    Args:
        network: any network that computes `decoder(encoder(x))` and whose encoder tells its `strides` and
            `output_channels`, such as nnU-Net's `PlainConvUNet` and `ResidualEncoderUNet`.
        maps: where maps come from and go to; None for the network alone.
        input_affine: see `MosmosNetwork`.

    Raises:
        UserError: the network has no such encoder and decoder.
    """

    def __init__(
        self, network: nn.Module, maps: MapSettings | None = None, input_affine: InputAffine | None = None
    ) -> None:
        encoder = encoder_of(network)
        decoder: Any = network.decoder
        super().__init__(encoder, decoder, list(encoder.output_channels), stage_strides(encoder), maps, input_affine)


def encoder_of(network: nn.Module) -> Any:
    """The encoder of a U-Net.

    Raises:
        UserError: the network is not built from an encoder and a decoder with nnU-Net's attributes.
    """
    if not has_unet_parts(network):
        raise UserError(
            f"the plans ask for {type(network).__name__}, which is not made of an encoder and a decoder as nnU-Net's "
            "U-Nets are: train nnUNetTrainerMOSMOS_anyNetwork, or plan with nnU-Net's default or residual encoder "
            "planner"
        )
    return network.encoder


def stage_strides(encoder: Any) -> list[tuple[int, ...]]:
    """Cumulative strides of a U-Net encoder's stages, per axis (its `strides` are those of each stage alone)."""
    steps: Sequence[Sequence[int]] = encoder.strides
    return list(
        accumulate(
            (tuple(int(factor) for factor in step) for step in steps),
            lambda total, step: tuple(a * b for a, b in zip(total, step, strict=True)),
        )
    )
