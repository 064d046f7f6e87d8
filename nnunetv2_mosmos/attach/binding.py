"""What a bundle means for one configuration of a dataset: settings, transferred weights, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from nnunetv2_mosmos.attach.checks import check_family, check_map_grid
from nnunetv2_mosmos.labels.tags import tags_of
from nnunetv2_mosmos.networks.build import build_network, feature_layout
from nnunetv2_mosmos.networks.build_any import choose_entry, frozen_maps
from nnunetv2_mosmos.networks.injection import injection_stages
from nnunetv2_mosmos.settings import BundleReference, Entry, MapSettings, MosmosSettings, Recipe
from nnunetv2_mosmos.transfer.encoder import transfer_encoder
from nnunetv2_mosmos.transfer.kernels import Inflation
from nnunetv2_mosmos.transfer.normalization import match_normalization
from nnunetv2_mosmos.transfer.projector import transfer_projector
from nnunetv2_mosmos.transfer.table import Transfer, pretrained_parts
from pretraining.bundle.bundle import Bundle
from pretraining.errors import UserError
from pretraining.image.spec import cumulative_strides, map_stage_of

if TYPE_CHECKING:
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

# Of the grid that maps live on; a bundle whose own is finer asks for that.
MAP_STRIDE = 8
ENTRY_NOTES: dict[Entry, str] = {
    "channels": "maps of the bundle's frozen encoder enter as further input channels",
    "image": "further input channels would change what the network computes: maps of the bundle's frozen encoder are "
    "added to the image",
}


@dataclass(frozen=True)
class Binding:
    """A bundle's share in the network of one configuration.

    Attributes:
        settings: what goes into the plans.
        encoder: weights for the encoder.
        projector: weights for the pixel projector; None without maps.
        notes: what the user should read.
    """

    settings: MosmosSettings
    encoder: Transfer
    projector: Transfer | None
    notes: tuple[str, ...]


def bind(
    bundle: Bundle,
    plans: PlansManager,
    configuration_name: str,
    dataset_json: Mapping[str, Any],
    label_tags: Mapping[str, str | None],
    recipe: Recipe,
    inflation: Inflation = "centre",
    device: torch.device | None = None,
) -> Binding:
    """Work out what a trainer with `recipe` takes from a bundle.

    Args:
        bundle: read and checked.
        plans: nnU-Net's plans of the dataset.
        configuration_name: a configuration in these plans.
        dataset_json: the dataset's `dataset.json`.
        label_tags: tag by foreground label.
        recipe: what the trainer wants.
        inflation: how 2D kernels become 3D.
        device: where to try how maps can enter a network of another make; None to leave that open.

    Raises:
        UserError: the bundle's encoder is of another family or dimension than the trainer's network, no label has a tag
            although the trainer needs maps, or the maps would have a single position.
    """
    configuration = plans.get_configuration(configuration_name)
    dim = len(configuration.patch_size)
    check_family(bundle, recipe, dim)
    channels = determine_num_input_channels(plans, configuration, dataset_json)
    schemes = configuration.normalization_schemes
    notes: list[str] = []
    settings = MosmosSettings(
        network=recipe.network,
        label_tags=dict(label_tags),
        bundle=BundleReference(bundle.path.name, bundle.info.weights_sha256),
        encoder=bundle.info.encoder.to_dict(),
        inflation=inflation if recipe.encoder and recipe.network != "any" and bundle.info.dim < dim else None,
        versions=_versions(),
    )
    if recipe.encoder:
        # The frozen encoder sees the image channels alone.
        scaled = len(schemes) if recipe.network == "any" else channels
        affine, notes = match_normalization(
            bundle.info.normalization, schemes, plans.foreground_intensity_properties_per_channel, scaled
        )
        settings = replace(settings, input_affine=affine)
    strides: Sequence[tuple[int, ...]] = ()
    if recipe.maps:
        tags = _mapped_tags(label_tags)
        strides = feature_layout(settings, configuration).strides
        settings = replace(settings, maps=_map_settings(recipe.network, bundle, tags, strides))
        check_map_grid(settings, configuration.patch_size, strides)
    if settings.network == "any" and settings.maps is not None:
        entry = choose_entry(configuration, channels, len(settings.maps.tags), device) if device else "channels"
        settings = replace(settings, maps=replace(settings.maps, entry=entry))
        notes += [ENTRY_NOTES[entry]] if device else []
    receiver = _receiver(settings, configuration, channels)
    encoder = transfer_encoder(bundle.encoder_state(), receiver.encoder, len(schemes), inflation)
    if recipe.encoder and settings.network != "any":
        settings = replace(settings, pretrained_parts=pretrained_parts(encoder.table.rows))
    projector = _transfer_projector(bundle, receiver, strides) if recipe.maps else None
    if settings.maps is not None and settings.network != "any":
        notes += _map_stage_notes(strides[settings.maps.map_stage], _map_stride(bundle))
    return Binding(settings, encoder, projector, tuple(notes))


def _receiver(settings: MosmosSettings, configuration: Any, channels: int) -> Any:
    """What has the encoder and the pixel projector, without values."""
    with torch.device("meta"):
        if settings.network == "any":
            return frozen_maps(settings, configuration)
        return build_network(settings, configuration, channels, 1, False)


def _mapped_tags(label_tags: Mapping[str, str | None]) -> tuple[str, ...]:
    tags = tags_of(label_tags)
    if not tags:
        raise UserError(
            f"no label of the dataset ({', '.join(label_tags)}) has a tag, so that there are no maps to inject: attach "
            "with --map LABEL=TAG, or train nnUNetTrainerMOSMOS_encoderOnly"
        )
    return tags


def _map_settings(
    network: str, bundle: Bundle, tags: tuple[str, ...], strides: Sequence[tuple[int, ...]]
) -> MapSettings:
    dim = bundle.info.embedding_dim
    if network == "any":
        return MapSettings(tags, dim, map_stage=bundle.info.map_stage, injection_stages=())
    if network == "unetr":
        # All features live on the token grid, and the decoder's levels, which receive the maps, follow from the plan.
        return MapSettings(tags, dim, map_stage=0, injection_stages=())
    return MapSettings(tags, dim, map_stage_of(list(strides), _map_stride(bundle)), injection_stages(strides))


def _map_stride(bundle: Bundle) -> int:
    return min(MAP_STRIDE, max(bundle.info.map_stride))


def _transfer_projector(bundle: Bundle, receiver: Any, strides: Sequence[tuple[int, ...]]) -> Transfer:
    return transfer_projector(
        bundle.projector_state(), cumulative_strides(bundle.info.encoder), receiver.pixel_projector, strides
    )


def _map_stage_notes(stride: Sequence[int], wanted: int) -> list[str]:
    if max(stride) >= wanted:
        return []
    return [
        f"this configuration's encoder reaches a stride of {max(stride)} only: maps live on its deepest stage instead "
        f"of stride {wanted}"
    ]


def _versions() -> dict[str, str]:
    found = {}
    for package in ("nnunetv2-mosmos", "nnunetv2", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
