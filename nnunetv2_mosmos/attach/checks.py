"""Which bundles a configuration refuses."""

from __future__ import annotations

from collections.abc import Sequence

from nnunetv2_mosmos.discovery.names import TRAINER_OF_NETWORK
from nnunetv2_mosmos.settings import MosmosSettings, Recipe
from pretraining.bundle.bundle import Bundle
from pretraining.errors import UserError

# Below this share of the encoder's parameters a bundle is as good as none. Parameters count and not tensors, of which a
# norm's bias is as much one as the deepest kernel: a first stage alone is a third of three stages' tensors and 1 % of
# their weights. nnU-Net's default 3D plans take 25 % from a 2D bundle, because their deepest stages are narrower than
# any in 2D and hold most parameters.
SMALLEST_SHARE = 0.1


def family_of(bundle: Bundle) -> str:
    """The network (`Recipe.network`) that takes a bundle's encoder as its own."""
    return "unetr" if bundle.info.encoder.kind == "vit" else "unet"


def check_family(bundle: Bundle, recipe: Recipe, dim: int) -> None:
    """Refuse a vision transformer for a U-Net and the other way round, and a frozen 3D encoder for slices.

    Args:
        bundle: read and checked.
        recipe: what the trainer wants.
        dim: of the configuration.

    Raises:
        UserError: see above.
    """
    kind = bundle.info.encoder.kind
    if recipe.network == "any":
        if bundle.info.dim > dim:
            raise UserError(
                f"the bundle '{bundle.path.name}' is 3D and its encoder cannot see the slices of a 2d configuration: "
                "train a 3d configuration, or attach a 2D bundle"
            )
        return
    family = family_of(bundle)
    if family != recipe.network:
        raise UserError(
            f"the bundle '{bundle.path.name}' holds a {kind} encoder, which this trainer's network cannot take: "
            f"train {TRAINER_OF_NETWORK[family]}, or attach a bundle of the other kind"
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


def check_map_grid(settings: MosmosSettings, patch_size: Sequence[int], strides: Sequence[Sequence[int]]) -> None:
    """Refuse maps of a single position, which tell nothing of where an organ is.

    Args:
        settings: with maps.
        patch_size: of the configuration.
        strides: cumulative strides of the features that the maps come from, per axis.

    Raises:
        UserError: the patch is no larger than the map stride, or (for an encoder with instance normalization, which
            needs more than one position) than the frozen encoder's deepest stride.
    """
    assert settings.maps is not None and settings.encoder is not None
    frozen_unet = settings.network == "any" and settings.encoder["kind"] != "vit"
    stride = strides[-1 if frozen_unet else settings.maps.map_stage]
    patch = list(patch_size)[-len(stride) :]
    if all(length <= step for length, step in zip(patch, stride, strict=True)):
        what, remedy = "the maps", "plan a larger patch"
        if settings.network == "any":
            what, remedy = "the bundle's encoder", f"{remedy}, or attach a bundle with fewer stages or smaller tokens"
        raise UserError(f"the patch {patch} is a single position to {what}, whose stride is {list(stride)}: {remedy}")
