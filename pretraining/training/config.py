"""Everything that `mosmos_pretrain train` can be told; the one source of its defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pretraining.errors import UserError

DEFAULT_SIZES = {2: (224, 224), 3: (128, 128, 128)}
_LEFT_OUT = (None, "", ())


@dataclass(frozen=True)
class ImageConfig:
    """The image encoder and its input.

    An option that is left out takes its default where it has an effect, so that a run's `config.yaml` says what was
    done; where it would have none it stays empty, and giving it is an error.
    """

    dim: Literal[2, 3] | None = None
    """2 for images, 3 for volumes; 2 when left out, or what `--plans` are for."""
    encoder: Literal["plainconv", "resenc", "vit"] | None = None
    """nnU-Net's default encoder `plainconv` (when left out), its residual one, or a vision transformer. `resenc` has
    the blocks a stage that nnU-Net's presets ResEnc M, L and XL share: they differ in the GPU memory that patch and
    batch may fill, and so at most in `--stages`."""
    stages: int | None = None
    """Resolution stages of a convolutional encoder; every one but the first halves the resolution. 6 when left out."""
    plans: str = ""
    """nnU-Net's plans file of a dataset, e.g. `nnUNetPlans.json`: pretrains exactly the encoder that these plans ask
    for, so that every tensor of it transfers. Sizes are in the order of the network's axes; studies stay (z, y, x) even
    where the plans transpose a dataset's axes."""
    configuration: str = ""
    """Which configuration of `--plans`: `2d`, `3d_fullres`, `3d_lowres`, ..."""
    vit: Literal["small", "base"] | None = None
    """Size of the vision transformer; `small` when left out."""
    vit_patch_size: int | None = None
    """Pixels or voxels a side that one token of the vision transformer covers; 16 when left out, or that of
    `--vit-weights`."""
    vit_weights: str = ""
    """Folder of a Hugging Face ViT whose weights, width and depth the transformer starts from, in place of `--vit`."""
    image_size: tuple[int, ...] = ()
    """Network input in pixels or voxels, (y, x) or (z, y, x). 224 224 when left out, 128 128 128 for volumes, or the
    patch size of `--plans`."""
    crops: int = 1
    """Crops a study. 1 scales the whole image into the input; more are cut at `--crop-spacing`, and a tag's attention
    is over all crops of a study, because a tag holds for the study, not for a crop. A step then holds so many times
    the memory."""
    crop_spacing: tuple[float, ...] = ()
    """Spacing of crops in mm, one number an axis; that of `--plans` when left out. Where studies were prepared with
    this `--target-spacing` and are normalized with `ct`, nothing but the crops is read. One crop, the whole image, is
    scaled to cubic voxels, or with `--plans` to voxels of these proportions."""
    normalization: Literal["auto", "zscore", "ct"] = "auto"
    """`ct` clips HU and scales them by statistics of the training studies, `zscore` scales each image by its own;
    `auto` is `ct` where all studies are CT in HU, else `zscore`."""
    map_stride: int | None = None
    """Stride of the grid on which pixel embeddings and attention maps of a convolutional encoder live; 8 when left
    out."""
    deep_context: bool = True
    """Whether encoder stages deeper than the map's add to the pixel embeddings of a convolutional encoder. Where an
    image is hardly larger than what a deep stage sees at once, every position knows the whole image, and a tag's
    attention may rest anywhere."""
    embedding_dim: int = 256
    """Length of image, report, pixel and tag embeddings."""

    def __post_init__(self) -> None:
        for name in ("stages", "vit_patch_size", "crops", "map_stride", "embedding_dim"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise UserError(f"--{name.replace('_', '-')} must be at least 1, not {number}")
        self._refuse_without_effect()
        self._fill_in()
        if self.dim:
            for name in ("image_size", "crop_spacing"):
                check_axes(f"--{name.replace('_', '-')}", getattr(self, name), self.dim, f"--dim {self.dim}")
        if self.stages and self.dim:
            check_image_size(self.image_size, (2 ** (self.stages - 1),) * self.dim, f"--stages {self.stages}")

    def _refuse_without_effect(self) -> None:
        if bool(self.plans) != bool(self.configuration):
            raise UserError("--plans and --configuration belong together; give both, e.g. --configuration 3d_fullres")
        if self.plans:
            self._refuse("beside --plans", "dim", "encoder", "stages", "vit", "vit_patch_size", "vit_weights")
        elif self.encoder == "vit":
            self._refuse("with --encoder vit", "stages", "map_stride")
            if not self.deep_context:
                raise UserError("--no-deep-context has no effect with --encoder vit; leave out the one or the other")
        else:
            self._refuse("without --encoder vit", "vit", "vit_patch_size", "vit_weights")
        if self.vit_weights:
            self._refuse("beside --vit-weights", "vit")
        if self.crops == 1 and not self.plans:
            self._refuse("without several --crops", "crop_spacing")
        if self.crops > 1 and not self.crop_spacing and not self.plans:
            raise UserError("--crops needs a spacing; give --crop-spacing, or --plans that tell one")

    def _refuse(self, where: str, *names: str) -> None:
        for name in names:
            if getattr(self, name) not in _LEFT_OUT:
                raise UserError(f"--{name.replace('_', '-')} has no effect {where}; leave out the one or the other")

    def _fill_in(self) -> None:
        defaults: dict[str, Any] = {}
        if self.encoder == "vit" and not self.vit_weights:
            defaults = {"vit": "small", "vit_patch_size": 16}
        elif self.encoder != "vit":
            defaults = {"map_stride": 8}
        if not self.plans:
            dim = self.dim or 2
            defaults |= {"dim": dim, "encoder": "plainconv", "image_size": DEFAULT_SIZES[dim]}
            defaults |= {} if self.encoder == "vit" else {"stages": 6}
        for name, value in defaults.items():
            if getattr(self, name) in _LEFT_OUT:
                object.__setattr__(self, name, value)


def check_axes(option: str, numbers: Sequence[float], dim: int, where: str) -> None:
    """Refuse what is not a positive number an axis; none at all is fine.

    Raises:
        UserError: see above.
    """
    if numbers and (len(numbers) != dim or min(numbers) <= 0):
        raise UserError(f"{option} {tuple(numbers)} does not fit {where}; give {dim} positive numbers")


def check_image_size(size: Sequence[int], total_stride: Sequence[int], where: str) -> None:
    """Refuse an input that an encoder cannot halve as often as it would.

    Args:
        size: the input's shape.
        total_stride: of the encoder's deepest stage, per axis.
        where: the option that asks for the encoder.

    Raises:
        UserError: see above.
    """
    if any(side % step or side < 2 * step for side, step in zip(size, total_stride, strict=True)):
        steps = " ".join(map(str, total_stride))
        raise UserError(
            f"--image-size {tuple(size)} does not fit {where}: its sides must be multiples of {steps} and at least "
            "twice as long; choose such a size or another encoder"
        )


def _refuse_outside(config: object, ranges: dict[str, tuple[bool, str]]) -> None:
    """Refuse numbers that make no sense.

    Args:
        config: a group of options.
        ranges: by the option's field, whether its number is fine, and which are.

    Raises:
        UserError: the first that is not.
    """
    for name, (is_fine, allowed) in ranges.items():
        if not is_fine:
            raise UserError(f"--{name.replace('_', '-')} must be {allowed}, not {getattr(config, name)}")


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
        is_multiple = self.scratch_hidden_size > 0 and self.scratch_hidden_size % 32 == 0
        _refuse_outside(
            self,
            {
                "scratch_hidden_size": (is_multiple, "a positive multiple of 32"),
                "scratch_layers": (self.scratch_layers >= 1, "at least 1"),
            },
        )


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
        _refuse_outside(
            self,
            {
                "masked_fraction": (0 < self.masked_fraction < 1, "between 0 and 1"),
                "attention_temperature": (self.attention_temperature > 0, "above 0"),
            },
        )

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
    """Largest norm of the gradient; `inf` clips none."""
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """`auto` is bf16 on a GPU that has it, fp32 elsewhere; `fp16` scales its losses."""
    augment: bool = True
    """Rotation, scaling, brightness, contrast, gamma and noise; never a flip, for reports say left and right."""
    seed: int = 0
    """Fixes initialization, order, augmentation and the places of crops."""

    def __post_init__(self) -> None:
        _refuse_outside(
            self,
            {
                "epochs": (self.epochs >= 1, "at least 1"),
                "batch_size": (self.batch_size >= 1, "at least 1"),
                "learning_rate": (self.learning_rate > 0, "above 0"),
                "text_rate_factor": (self.text_rate_factor is None or self.text_rate_factor >= 0, "0 or more"),
                "weight_decay": (self.weight_decay >= 0, "0 or more"),
                "warmup_fraction": (0 <= self.warmup_fraction <= 1, "from 0 to 1"),
                "clip_gradient": (self.clip_gradient > 0, "above 0 (inf clips none)"),
                "seed": (self.seed >= 0, "0 or more"),
            },
        )


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
        for name in ("image_size", "crop_spacing"):
            plain["image"][name] = list(plain["image"][name])
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`."""
        sizes = {name: tuple(values["image"].get(name, ())) for name in ("image_size", "crop_spacing")}
        return cls(
            ImageConfig(**{**values["image"], **sizes}),
            TextConfig(**values["text"]),
            ObjectiveConfig(**values["objective"]),
            OptimizationConfig(**values["optimization"]),
        )
