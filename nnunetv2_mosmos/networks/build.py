"""Builds the network of a MOSMOS model from its plans alone: no bundle, no dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from nnunetv2_mosmos.networks.any_network import AnyNetwork
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.build_any import build_any, bundle_encoder
from nnunetv2_mosmos.networks.mosmos_unet import MosmosUNet, encoder_of, stage_strides
from nnunetv2_mosmos.networks.planned import planned_network
from nnunetv2_mosmos.settings import MosmosSettings
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels

if TYPE_CHECKING:
    from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager


@dataclass(frozen=True)
class FeatureLayout:
    """What an encoder hands to the decoder.

    Attributes:
        channels: channels of each feature.
        strides: cumulative strides of each feature, per axis.
    """

    channels: Sequence[int]
    strides: Sequence[tuple[int, ...]]


def build_network(
    settings: MosmosSettings,
    configuration: ConfigurationManager,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> MosmosNetwork | AnyNetwork:
    """The network of a configuration.

    Args:
        settings: what the plans hold for MOSMOS.
        configuration: nnU-Net's configuration.
        input_channels: image channels and, in a cascade, one-hot labels.
        output_channels: segmentation heads.
        deep_supervision: whether the decoder returns a list of logits.

    Raises:
        UserError: the plans ask for a network that maps cannot be injected into.
    """
    if settings.network == "unetr":
        return _build_unetr(settings, configuration, input_channels, output_channels, deep_supervision)
    if settings.network == "any":
        return build_any(settings, configuration, input_channels, output_channels, deep_supervision)
    network = planned_network(configuration, input_channels, output_channels, deep_supervision)
    return MosmosUNet(network, settings.maps, settings.input_affine)


def feature_layout(settings: MosmosSettings, configuration: ConfigurationManager) -> FeatureLayout:
    """Channels and strides of the features that a configuration's encoder makes; nothing is allocated."""
    if settings.network == "any":
        spec = bundle_encoder(settings)
        return FeatureLayout(feature_channels(spec), cumulative_strides(spec))
    with torch.device("meta"):
        if settings.network == "unetr":
            encoder: Any = _build_unetr(settings, configuration, 1, 1, False).encoder
            return FeatureLayout(list(encoder.output_channels), [tuple(stride) for stride in encoder.strides])
        encoder = encoder_of(planned_network(configuration, 1, 1, False))
        return FeatureLayout(list(encoder.output_channels), stage_strides(encoder))


def _build_unetr(
    settings: MosmosSettings,
    configuration: ConfigurationManager,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> MosmosNetwork:
    # Only here: MONAI is not needed for a U-Net.
    from nnunetv2_mosmos.networks.mosmos_unetr import MosmosUNETR
    from nnunetv2_mosmos.networks.unetr_layout import unetr_arguments

    spec = EncoderSpec.from_dict(settings.encoder) if settings.encoder else None
    strides = configuration.pool_op_kernel_sizes
    return MosmosUNETR(
        **unetr_arguments(configuration.patch_size, strides, input_channels, spec),
        num_classes=output_channels,
        deep_supervision=deep_supervision,
        maps=settings.maps,
        input_affine=settings.input_affine,
    )
