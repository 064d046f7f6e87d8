"""The typed contents of `bundle.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pretraining.errors import UserError
from pretraining.image.crops import Crops
from pretraining.image.fit import View
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec, cumulative_strides

FORMAT = "mosmos-bundle"
FORMAT_VERSION = 1

CITATIONS = (
    "Tian et al. MOSMOS: Multi-organ segmentation facilitated by medical report supervision. "
    "Biomedical Signal Processing and Control, 2025. arXiv:2409.02418",
    "Isensee et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. "
    "Nature Methods 18, 203-211, 2021",
)


@dataclass(frozen=True)
class BundledTag:
    """A tag that the bundle has an embedding for.

    Attributes:
        id: canonical name in the vocabulary.
        prompts: texts whose mean is its embedding.
        studies: training studies whose reports place the organ in the image.
        absent: training studies whose reports say that it is absent.
    """

    id: str
    prompts: tuple[str, ...]
    studies: int
    absent: int = 0


@dataclass(frozen=True)
class BundleInfo:
    """Everything about a pretrained encoder that is not a tensor.

    Attributes:
        encoder: class and arguments of the encoder.
        map_stage: index of the encoder stage on whose grid the maps live.
        map_stride: per-axis stride of that stage.
        embedding_dim: length D of pixel and tag embeddings.
        image_size: network input of pretraining, (y, x) or (z, y, x).
        temperature: temperature of the image-report contrast.
        attention_temperature: temperature tau of the attention over positions.
        tags: in the order of `tag_embeddings`.
        vocabulary: the whole vocabulary, as plain types.
        text_encoder: `id` and `hash` of the text encoder.
        normalization: what the encoder expects of its input.
        data: counts and hashes of the pretraining data; no report, patient or path.
        metrics: validation figures of the exported checkpoint.
        versions: of our code and of the libraries.
        license: licence of the weights as the person who exports them states it.
        citations: what to cite.
        orientation: axis codes toward which array axes increase, last axis first: `LPS`.
        crops: how studies were cut into the input; None where whole images were scaled into it.
        weights_sha256: hash of `weights.safetensors`.
    """

    encoder: EncoderSpec
    map_stage: int
    map_stride: tuple[int, ...]
    embedding_dim: int
    image_size: tuple[int, ...]
    temperature: float
    attention_temperature: float
    tags: tuple[BundledTag, ...]
    vocabulary: dict[str, Any]
    text_encoder: dict[str, str]
    normalization: Normalization
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    license: str = "not stated"
    citations: tuple[str, ...] = CITATIONS
    orientation: str = "LPS"
    crops: Crops | None = None
    weights_sha256: str = ""

    @property
    def dim(self) -> int:
        """2 or 3."""
        return self.encoder.dim

    @property
    def view(self) -> View:
        """How whole images enter the network."""
        spacing = self.crops.spacing if self.crops else None
        return View(self.image_size, spacing, cumulative_strides(self.encoder)[-1])

    def to_dict(self) -> dict[str, Any]:
        """The contents of `bundle.json`."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        plain["encoder"] = self.encoder.to_dict()
        plain["normalization"] = self.normalization.to_dict()
        plain["map_stride"] = list(self.map_stride)
        plain["image_size"] = list(self.image_size)
        plain["citations"] = list(self.citations)
        plain["crops"] = asdict(self.crops) if self.crops else None
        plain["tags"] = [
            {"id": tag.id, "prompts": list(tag.prompts), "studies": tag.studies, "absent": tag.absent}
            for tag in self.tags
        ]
        return {"format": FORMAT, "format_version": FORMAT_VERSION, "dim": self.dim, **plain}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> BundleInfo:
        """Read the contents of `bundle.json`.

        Args:
            values: the parsed JSON.
            where: the file's name, for messages.

        Raises:
            UserError: not a bundle, written by a newer version, or a field is missing.
        """
        if values.get("format") != FORMAT:
            raise UserError(
                f"{where} does not describe a MOSMOS bundle; give a folder that `mosmos_pretrain export` wrote"
            )
        if values.get("format_version") != FORMAT_VERSION:
            raise UserError(
                f"{where} has bundle format {values.get('format_version')}, this version reads {FORMAT_VERSION}: "
                "install the version of mosmos that exported it, or export it again"
            )
        try:
            known = {entry.name: values[entry.name] for entry in fields(cls)}
            known["encoder"] = EncoderSpec.from_dict(known["encoder"])
            known["normalization"] = Normalization.from_dict(known["normalization"])
            known["map_stride"] = tuple(known["map_stride"])
            known["image_size"] = tuple(known["image_size"])
            known["citations"] = tuple(known["citations"])
            known["crops"] = Crops.from_dict(known["crops"]) if known["crops"] else None
            known["tags"] = tuple(
                BundledTag(tag["id"], tuple(tag["prompts"]), int(tag["studies"]), int(tag["absent"]))
                for tag in known["tags"]
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{where} lacks or garbles the field {error}; export the run again") from error
        return cls(**known)
