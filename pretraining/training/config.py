"""Everything that `mosmos_pretrain train` can be told; the one source of its defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pretraining.errors import UserError


@dataclass(frozen=True)
class ImageConfig:
    """The image encoder and its input."""

    dim: Literal[2, 3] = 2
    """2 for images, 3 for volumes."""
    encoder: Literal["plainconv", "resenc", "vit"] = "plainconv"
    """nnU-Net's default encoder, its residual one, or a vision transformer."""
    stages: int = 6
    """Resolution stages of a convolutional encoder; every one but the first halves the resolution."""
    vit: Literal["small", "base"] = "small"
    """Size of the vision transformer."""
    vit_patch_size: int = 16
    """Pixels or voxels a side that one token of the vision transformer covers."""
    vit_weights: str = ""
    """Folder of a Hugging Face ViT whose weights the transformer starts from; its width and depth replace those of
    `--vit`."""
    image_size: tuple[int, ...] = (224, 224)
    """Network input in pixels or voxels, (y, x) or (z, y, x). The whole image is scaled into it: a tag holds for the
    study, not for a crop."""
    map_stride: int = 8
    """Stride of the grid on which pixel embeddings and attention maps live."""
    embedding_dim: int = 256
    """Length of image, report, pixel and tag embeddings."""

    def __post_init__(self) -> None:
        if len(self.image_size) != self.dim:
            raise UserError(
                f"--image-size has {len(self.image_size)} numbers for --dim {self.dim}; give {self.dim} numbers"
            )
        if self.vit_weights and self.encoder != "vit":
            raise UserError(
                f"--vit-weights fit --encoder vit only, not {self.encoder}; give the one or leave out the other"
            )
        if self.encoder != "vit":
            step = 2 ** (self.stages - 1)
            if any(size % step or size < 2 * step for size in self.image_size):
                raise UserError(
                    f"--image-size {self.image_size} does not fit --stages {self.stages}: every side must be a "
                    f"multiple of {step} and at least {2 * step}; choose such a size or fewer stages"
                )


@dataclass(frozen=True)
class TextConfig:
    """The text encoder and the tags' prompts."""

    text_encoder: str = "scratch"
    """A folder or hub id of a `transformers` encoder, or `scratch`: a small BERT trained on the reports alone."""
    freeze_text: bool = False
    """Keep a pretrained text encoder as it is and encode every text once."""
    train_text_layers: int | None = None
    """Train only the last so many layers of a pretrained text encoder; all of it when left out."""
    max_tokens: int = 256
    """Longer texts are cut; of longer reports, impression and findings are kept before the rest, in whole
    sentences."""
    scratch_hidden_size: int = 256
    """Width of the scratch encoder, a multiple of 32."""
    scratch_layers: int = 4
    """Depth of the scratch encoder."""
    tag_embeddings: Literal["text", "random"] = "text"
    """`random` is a control: tag embeddings that know nothing of the tags' names."""

    def __post_init__(self) -> None:
        if self.text_encoder == "scratch" and self.freeze_text:
            raise UserError(
                "--freeze-text would keep the random weights of --text-encoder scratch; drop one of the two"
            )
        if self.train_text_layers is not None:
            if self.text_encoder == "scratch" or self.freeze_text:
                other = "--freeze-text" if self.freeze_text else "--text-encoder scratch"
                raise UserError(f"--train-text-layers does not go with {other}; drop one of the two")
            if self.train_text_layers < 1:
                raise UserError(
                    f"--train-text-layers must be at least 1, not {self.train_text_layers}; to train none, give "
                    "--freeze-text"
                )
        if self.max_tokens < 8:
            raise UserError(f"--max-tokens must be at least 8, not {self.max_tokens}; 256 holds most reports")
        if self.scratch_hidden_size % 32:
            raise UserError(f"--scratch-hidden-size {self.scratch_hidden_size} is not a multiple of 32")


@dataclass(frozen=True)
class ObjectiveConfig:
    """Losses and their weights; a weight of 0 leaves a loss out."""

    contrastive_weight: float = 1.0
    """Weight of the image-report contrast."""
    contrastive: Literal["infonce", "siglip"] = "infonce"
    """`siglip` suits small batches."""
    tag_weight: float = 2.0
    """Weight of multi-label tag recognition."""
    tag_loss: Literal["bce", "asymmetric"] = "bce"
    """Binary cross-entropy or asymmetric loss, both over known tags only."""
    sentence_weight: float = 1.0
    """Weight of organ-sentence alignment."""
    reconstruction_weight: float = 0.0
    """Weight of masked reconstruction, which learns from what reports never mention."""
    masked_fraction: float = 0.6
    """Share of the image that masked reconstruction hides."""
    balance_losses: bool = False
    """Divide every loss by its own value before weighting, so that none outgrows the others."""
    attention_temperature: float = 0.07
    """Temperature of a tag's attention over positions."""

    def __post_init__(self) -> None:
        weights = self.weights.values()
        if min(weights) < 0 or max(weights) == 0:
            raise UserError(
                "--contrastive-weight, --tag-weight, --sentence-weight and --reconstruction-weight must not be "
                f"negative, and one must be positive; got {tuple(weights)}"
            )
        if not 0 < self.masked_fraction < 1:
            raise UserError(f"--masked-fraction must lie between 0 and 1, not {self.masked_fraction}")

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each loss, by its name in the metrics."""
        return {
            "contrastive": self.contrastive_weight,
            "tags": self.tag_weight,
            "sentences": self.sentence_weight,
            "reconstruction": self.reconstruction_weight,
        }


@dataclass(frozen=True)
class OptimizationConfig:
    """The schedule."""

    epochs: int = 30
    """Passes over the training studies."""
    batch_size: int = 32
    """Studies a step, over all processes: all of them are contrasted with each other."""
    learning_rate: float = 1e-4
    """Peak rate of AdamW."""
    text_rate_factor: float | None = None
    """The text encoder's rate relative to the rest's; 0.25 for a pretrained encoder, 1 for `scratch` when left out."""
    weight_decay: float = 0.05
    """Weight decay; norms, biases and temperatures have none."""
    warmup_fraction: float = 0.05
    """Share of the steps in which the rate rises; it then falls along a cosine."""
    clip_gradient: float = 1.0
    """Largest norm of the gradient."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto` is bf16 on a GPU that has it, fp32 elsewhere; `fp16` scales its losses."""
    augment: bool = True
    """Rotation, scaling, brightness, contrast, gamma and noise; never a flip, for reports say left and right."""
    seed: int = 0
    """Fixes initialization, order and augmentation."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class TrainConfig:
    """A whole run, as saved in its `config.yaml`."""

    image: ImageConfig = field(default_factory=ImageConfig)
    text: TextConfig = field(default_factory=TextConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimization: OptimizationConfig = field(default_factory=OptimizationConfig)

    @property
    def text_rate_factor(self) -> float:
        """The text encoder's rate relative to the rest's."""
        if self.optimization.text_rate_factor is not None:
            return self.optimization.text_rate_factor
        return 1.0 if self.text.text_encoder == "scratch" else 0.25

    def to_dict(self) -> dict[str, Any]:
        """Plain types."""
        plain = asdict(self)
        plain["image"]["image_size"] = list(self.image.image_size)
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`."""
        image = dict(values["image"])
        image["image_size"] = tuple(image["image_size"])
        return cls(
            ImageConfig(**image),
            TextConfig(**values["text"]),
            ObjectiveConfig(**values["objective"]),
            OptimizationConfig(**values["optimization"]),
        )
