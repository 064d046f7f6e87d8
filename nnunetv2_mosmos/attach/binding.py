"""What a bundle means for one configuration of a dataset: settings, transferred weights, labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import torch
from nnunetv2.utilities.label_handling.label_handling import determine_num_input_channels

from nnunetv2_mosmos.labels.tags import tags_of
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.build import build_network, feature_layout
from nnunetv2_mosmos.networks.injection import injection_stages
from nnunetv2_mosmos.settings import BundleReference, MapSettings, MosmosSettings, Recipe
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

MAP_STRIDE = 8
# Below this share of the encoder's parameters a bundle is as good as none. nnU-Net's default 3D plans take 25 % from a
# 2D bundle, because their deepest stages are narrower than any in 2D and hold most parameters.
SMALLEST_SHARE = 0.1


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

    Raises:
        UserError: the bundle's encoder is of another family than the trainer's network, or no label has a tag although
            the trainer needs maps.
    """
    check_family(bundle, recipe)
    configuration = plans.get_configuration(configuration_name)
    channels = determine_num_input_channels(plans, configuration, dataset_json)
    schemes = configuration.normalization_schemes
    notes: list[str] = []
    settings = MosmosSettings(
        network=recipe.network,
        label_tags=dict(label_tags),
        bundle=BundleReference(bundle.path.name, bundle.info.weights_sha256),
        encoder=bundle.info.encoder.to_dict(),
        versions=_versions(),
    )
    if recipe.encoder:
        affine, notes = match_normalization(
            bundle.info.normalization, schemes, plans.foreground_intensity_properties_per_channel, channels
        )
        settings = replace(settings, input_affine=affine)
    if recipe.maps:
        settings = replace(settings, maps=_map_settings(settings, bundle, configuration, label_tags))
    with torch.device("meta"):
        network = build_network(settings, configuration, channels, 1, False)
    encoder = transfer_encoder(bundle.encoder_state(), network.encoder, len(schemes), inflation)
    if recipe.encoder:
        settings = replace(settings, pretrained_parts=pretrained_parts(encoder.table.rows))
    projector = _transfer_projector(bundle, settings, configuration, network) if recipe.maps else None
    notes += _map_stage_notes(settings, configuration)
    return Binding(settings, encoder, projector, tuple(notes))


def check_family(bundle: Bundle, recipe: Recipe) -> None:
    """Refuse a vision transformer for a U-Net and the other way round.

    Raises:
        UserError: see above.
    """
    kind = bundle.info.encoder.kind
    family = "unetr" if kind == "vit" else "unet"
    if family != recipe.network:
        suffix = {"unet": "nnUNetTrainerMOSMOS", "unetr": "nnUNetTrainerMOSMOS_UNETR"}[family]
        raise UserError(
            f"the bundle '{bundle.path.name}' holds a {kind} encoder, which this trainer's network cannot take: "
            f"train {suffix}, or attach a bundle of the other kind"
        )


def check_share(share: float, configuration: str, force: bool) -> None:
    """Refuse a bundle of which (almost) nothing fits.

    Args:
        share: transferred parameters over all parameters of the encoder.
        configuration: its name, for the message.
        force: accept any share above zero.

    Raises:
        UserError: nothing fits, or too little and not forced.
    """
    if share == 0:
        raise UserError(
            f"no tensor of the bundle fits the encoder of {configuration}: pretrain an encoder of this kind "
            "(`mosmos_pretrain train --encoder`), or train another trainer or configuration"
        )
    if share < SMALLEST_SHARE and not force:
        raise UserError(
            f"only {100 * share:.1f} % of the encoder of {configuration} can be filled from the bundle (at least "
            f"{100 * SMALLEST_SHARE:.0f} % are wanted): attach with --force to train nevertheless, or pretrain with "
            "these plans (`mosmos_pretrain train --plans`)"
        )


def _map_settings(
    settings: MosmosSettings, bundle: Bundle, configuration: Any, label_tags: Mapping[str, str | None]
) -> MapSettings:
    tags = tags_of(label_tags)
    if not tags:
        raise UserError(
            f"no label of the dataset ({', '.join(label_tags)}) has a tag, so that there are no maps to inject: attach "
            "with --map LABEL=TAG, or train nnUNetTrainerMOSMOS_encoderOnly"
        )
    dim = bundle.info.embedding_dim
    if settings.network == "unetr":
        # All features live on the token grid, and the decoder's levels, which receive the maps, follow from the plan.
        return MapSettings(tags, dim, map_stage=0, injection_stages=())
    strides = list(feature_layout(settings, configuration).strides)
    return MapSettings(tags, dim, map_stage_of(strides, MAP_STRIDE), injection_stages(strides))


def _transfer_projector(
    bundle: Bundle, settings: MosmosSettings, configuration: Any, network: MosmosNetwork
) -> Transfer:
    return transfer_projector(
        bundle.projector_state(),
        cumulative_strides(bundle.info.encoder),
        network.pixel_projector,
        feature_layout(settings, configuration).strides,
    )


def _map_stage_notes(settings: MosmosSettings, configuration: Any) -> list[str]:
    if settings.maps is None:
        return []
    stride = feature_layout(settings, configuration).strides[settings.maps.map_stage]
    if max(stride) >= MAP_STRIDE:
        return []
    return [
        f"this configuration's encoder reaches a stride of {max(stride)} only: maps live on its deepest stage instead "
        f"of stride {MAP_STRIDE}"
    ]


def _versions() -> dict[str, str]:
    found = {}
    for package in ("nnunetv2-mosmos", "nnunetv2", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found
