"""What a MOSMOS network and its training need beyond nnU-Net's plans: stored as `plans["mosmos"]`, in plain types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nnunetv2_mosmos.transfer.kernels import Inflation
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.errors import UserError

KEY = "mosmos"
FORMAT_VERSION = 1
# Where maps enter a network: its decoder's features, further input channels, or the image itself.
Entry = Literal["features", "channels", "image"]
# What of a map enters the decoder's features: the cosine a, a / tau, or the map's probability sigmoid(a / tau + b).
Injected = Literal["cosine", "scaled", "probability"]


@dataclass(frozen=True)
class Recipe:
    """What a trainer takes from a bundle.

    Attributes:
        network: `unet` wraps the network that the plans ask for, `unetr` replaces it, `any` hands maps of the bundle's
            own frozen encoder to the input of whatever network the plans ask for.
        encoder: start from the bundle's encoder and projector instead of random ones.
        maps: inject pixel-tag attention maps and train them with the auxiliary loss.
        random_tags: replace the bundle's tag embeddings by random unit vectors.
    """

    network: str = "unet"
    encoder: bool = True
    maps: bool = True
    random_tags: bool = False

    @property
    def needs_bundle(self) -> bool:
        """Whether a training cannot start without a bundle."""
        return self.encoder or self.maps


@dataclass(frozen=True)
class MapSettings:
    """Where the maps come from and where they go.

    Attributes:
        tags: tag ids, one map each, in the order of the network's tag embeddings.
        embedding_dim: length D of pixel and tag embeddings.
        map_stage: encoder stage on whose grid the maps live.
        injection_stages: encoder stages whose features the maps are added to on their way to the decoder.
        temperature: tau of the auxiliary loss.
        learn_temperature: whether tau is trained.
        injected: what of a map enters the features.
        entry: where the maps enter. Maps that enter at the input come from the bundle's own frozen encoder.
    """

    tags: tuple[str, ...]
    embedding_dim: int
    map_stage: int
    injection_stages: tuple[int, ...]
    temperature: float = 0.07
    learn_temperature: bool = False
    injected: Injected = "cosine"
    entry: Entry = "features"

    @property
    def are_trained(self) -> bool:
        """Whether the maps come from features that train, so that the auxiliary loss has something to teach."""
        return self.entry == "features"


@dataclass(frozen=True)
class BundleReference:
    """Which bundle a network started from: no path, so that none enters a model folder.

    Attributes:
        name: the bundle folder's name.
        sha256: hash of its weights.
    """

    name: str
    sha256: str


@dataclass(frozen=True)
class MosmosSettings:
    """The contents of `plans["mosmos"]`.

    Attributes:
        network: see `Recipe.network`.
        maps: None for a network without maps.
        label_tags: tag id of every foreground label of the dataset, None for a label without a tag.
        input_affine: from nnU-Net's intensities to the bundle's; None where nothing changes.
        bundle: None where training started from random weights only.
        encoder: the bundle's `EncoderSpec` as plain types, for networks that are built from it.
        pretrained_parts: parts of the encoder that train at the lower rate.
        inflation: how 2D kernels of the bundle became 3D; None where none did, and in models of before.
        versions: of the packages that wrote this.
    """

    network: str = "unet"
    maps: MapSettings | None = None
    label_tags: Mapping[str, str | None] | None = None
    input_affine: InputAffine | None = None
    bundle: BundleReference | None = None
    encoder: Mapping[str, Any] | None = None
    pretrained_parts: tuple[str, ...] = ()
    inflation: Inflation | None = None
    versions: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types only: this goes into `plans.json`, checkpoints and zip exports."""
        plain = {name: _plain(value) for name, value in asdict(self).items()}
        return {"format_version": FORMAT_VERSION, **plain}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MosmosSettings:
        """The inverse of `to_dict`.

        Raises:
            UserError: written by another version of the plugin.
        """
        if values.get("format_version") != FORMAT_VERSION:
            raise UserError(
                f"this model's plans.json has MOSMOS settings of format {values.get('format_version')}, the installed "
                f"plugin reads format {FORMAT_VERSION}: install the version of mosmos that trained it"
            )
        maps, affine, bundle = values["maps"], values["input_affine"], values["bundle"]
        return cls(
            network=values["network"],
            maps=MapSettings(
                **{**maps, "tags": tuple(maps["tags"]), "injection_stages": tuple(maps["injection_stages"])}
            )
            if maps
            else None,
            label_tags=values["label_tags"],
            input_affine=InputAffine.from_dict(affine) if affine else None,
            bundle=BundleReference(**bundle) if bundle else None,
            encoder=values["encoder"],
            pretrained_parts=tuple(values["pretrained_parts"]),
            inflation=values.get("inflation"),
            versions=values["versions"],
        )


def settings_of(plans: Mapping[str, Any]) -> MosmosSettings:
    """The settings that a MOSMOS trainer stored in plans.

    Raises:
        UserError: the plans hold none.
    """
    if KEY not in plans:
        raise UserError(
            "these plans hold no MOSMOS settings: the model folder's plans.json must be the one that the training "
            "wrote; copy the whole model folder again"
        )
    return MosmosSettings.from_dict(plans[KEY])


def _plain(value: Any) -> Any:
    """Tuples become lists, at every depth, as JSON would make them."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
