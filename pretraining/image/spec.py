"""What an image encoder is made of, as plain types that a bundle stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from pretraining.errors import UserError

ENCODER_KINDS = ("plainconv", "resenc", "vit")


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder's class and arguments.

    Attributes:
        kind: `plainconv` and `resenc` are nnU-Net's own encoders, `vit` is a vision transformer.
        dim: 2 for images, 3 for volumes.
        input_channels: channels of the input.
        arguments: plain JSON types. `plainconv` and `resenc` take `n_stages`, `features_per_stage`, `kernel_sizes` and
            `strides` (per stage, per axis) and `n_conv_per_stage` or `n_blocks_per_stage`, and what else nnU-Net's
            plans say of an encoder; `vit` takes what `pretraining.image.vit.VitEncoder` takes.

    Raises:
        UserError: unknown kind or dimension.
    """

    kind: str
    dim: int
    input_channels: int
    arguments: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ENCODER_KINDS:
            raise UserError(f"the encoder '{self.kind}' is unknown; choose one of {', '.join(ENCODER_KINDS)}")
        if self.dim not in (2, 3):
            raise UserError(f"an encoder has 2 or 3 dimensions, not {self.dim}")

    def to_dict(self) -> dict[str, Any]:
        """The same as plain types, for `bundle.json` and `config.yaml`."""
        return {
            "kind": self.kind,
            "dim": self.dim,
            "input_channels": self.input_channels,
            "arguments": dict(self.arguments),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncoderSpec:
        """The inverse of `to_dict`."""
        return cls(values["kind"], int(values["dim"]), int(values["input_channels"]), dict(values["arguments"]))


def per_axis(value: int | list[int] | tuple[int, ...], dim: int) -> tuple[int, ...]:
    """One number an axis, from one number or from one an axis."""
    return (int(value),) * dim if isinstance(value, int) else tuple(int(entry) for entry in value)


def cumulative_strides(spec: EncoderSpec) -> list[tuple[int, ...]]:
    """How many input positions one position of each feature spans, per axis: one tuple a feature."""
    if spec.kind == "vit":
        return [per_axis(spec.arguments["patch_size"], spec.dim)] * len(spec.arguments["taps"])
    steps = [per_axis(stride, spec.dim) for stride in spec.arguments["strides"]]
    return list(accumulate(steps, lambda total, step: tuple(a * b for a, b in zip(total, step, strict=True))))


def feature_channels(spec: EncoderSpec) -> list[int]:
    """The channels of each feature."""
    if spec.kind == "vit":
        return [int(spec.arguments["hidden_size"])] * len(spec.arguments["taps"])
    return [int(channels) for channels in spec.arguments["features_per_stage"]]


def map_stage_of(strides: list[tuple[int, ...]], map_stride: int = 8) -> int:
    """The stage on whose grid the pixel embeddings live.

    Args:
        strides: cumulative strides, per stage and axis.
        map_stride: the wanted stride m (METHOD: 8 was best in our trials).

    Returns:
        The first stage whose largest per-axis stride reaches `map_stride`, or the deepest where none does.
    """
    return next((stage for stage, stride in enumerate(strides) if max(stride) >= map_stride), len(strides) - 1)
