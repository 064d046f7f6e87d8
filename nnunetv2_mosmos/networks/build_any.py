"""Builds a planned network of any class together with what makes maps for its input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nnunetv2_mosmos.networks.any_network import AnyNetwork
from nnunetv2_mosmos.networks.frozen_maps import FrozenMaps
from nnunetv2_mosmos.networks.planned import planned_network
from nnunetv2_mosmos.networks.wider_input import ignores_further_channels, widen_input
from nnunetv2_mosmos.settings import Entry, MosmosSettings
from pretraining.image.spec import EncoderSpec

if TYPE_CHECKING:
    from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager


def frozen_maps(settings: MosmosSettings, configuration: ConfigurationManager) -> FrozenMaps:
    """What makes the maps of a network whose own encoder does not."""
    assert settings.maps is not None
    channels = len(configuration.normalization_schemes)
    return FrozenMaps(bundle_encoder(settings), settings.maps, channels, settings.input_affine)


def choose_entry(
    configuration: ConfigurationManager, input_channels: int, tag_count: int, device: torch.device
) -> Entry:
    """Where maps can enter a planned network of any class, found by trying on one patch.

    Args:
        configuration: nnU-Net's configuration.
        input_channels: image channels and, in a cascade, one-hot labels.
        tag_count: number of maps.
        device: where to try: some networks run on a GPU alone.

    Returns:
        `channels` where the network can be built for more input channels that change nothing while their weights are
        zero, else `image`.
    """
    wide, planned = (
        planned_network(configuration, channels, 1, False).to(device)
        for channels in (input_channels + tag_count, input_channels)
    )
    if not widen_input(wide, planned, input_channels):
        return "image"
    image, further = (
        torch.randn(1, channels, *configuration.patch_size, device=device) for channels in (input_channels, tag_count)
    )
    return "channels" if ignores_further_channels(wide, planned, image, further) else "image"


def build_any(
    settings: MosmosSettings,
    configuration: ConfigurationManager,
    input_channels: int,
    output_channels: int,
    deep_supervision: bool,
) -> AnyNetwork:
    """The planned network, of whatever class, behind a bundle's frozen encoder.

    Args:
        settings: what the plans hold for MOSMOS.
        configuration: nnU-Net's configuration.
        input_channels: image channels and, in a cascade, one-hot labels.
        output_channels: segmentation heads.
        deep_supervision: whether the network returns a list of logits.
    """
    source = frozen_maps(settings, configuration)
    network = planned_network(configuration, input_channels, output_channels, deep_supervision)
    entering: tuple[str, ...] = ()
    if settings.maps is not None and settings.maps.entry == "channels":
        channels = input_channels + len(settings.maps.tags)
        wide = planned_network(configuration, channels, output_channels, deep_supervision)
        entering = widen_input(wide, network, input_channels)
        network = wide
    return AnyNetwork(network, source, len(configuration.patch_size), entering)


def bundle_encoder(settings: MosmosSettings) -> EncoderSpec:
    """The encoder of the bundle that a training started from."""
    assert settings.encoder is not None
    return EncoderSpec.from_dict(settings.encoder)
