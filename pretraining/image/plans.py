"""The encoder that a dataset's nnU-Net plans ask for. The plans are read as JSON: nnU-Net is not needed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.image.convolutional import torch_class

_KINDS = {"PlainConvUNet": "plainconv", "ResidualEncoderUNet": "resenc"}
_PER_STAGE = ("features_per_stage", "kernel_sizes", "strides", "n_conv_per_stage", "n_blocks_per_stage")
_CLASSES = ("norm_op", "dropout_op", "nonlin")
_PLAIN = ("n_stages", "conv_bias", "nonlin_first", *(f"{name}_kwargs" for name in _CLASSES))
_NOT_THE_ENCODERS = ("conv_op", "n_conv_per_stage_decoder", "deep_supervision")


@dataclass(frozen=True)
class Plan:
    """What one configuration of nnU-Net's plans says of its encoder and its input.

    Sizes are in the order of the network's axes. nnU-Net's planner puts the axis of the thickest slices first, by
    `transpose_forward`; prepared studies are always (z, y, x).

    Attributes:
        kind: `plainconv` or `resenc`.
        arguments: of an `EncoderSpec`.
        patch_size: voxels an axis.
        spacing: mm an axis.
        transpose: the plans' `transpose_forward`.
    """

    kind: str
    arguments: dict[str, Any]
    patch_size: tuple[int, ...]
    spacing: tuple[float, ...]
    transpose: tuple[int, ...]

    @property
    def dim(self) -> int:
        """2 or 3."""
        return len(self.patch_size)


def read_plan(file: Path, configuration: str) -> Plan:
    """Read a configuration of a plans file.

    Args:
        file: `nnUNetPlans.json`, `nnUNetResEncUNetMPlans.json`, ... of a preprocessed dataset or a trained model.
        configuration: `2d`, `3d_fullres`, ...; what it inherits from another is resolved as nnU-Net does.

    Raises:
        UserError: not such a file, no such configuration, or a network that is neither nnU-Net's plain U-Net nor its
            residual encoder U-Net, or has parts that these do not have by default.
    """
    try:
        plans = json.loads(file.read_text(encoding="utf-8"))
        planned = _resolve(plans["configurations"], configuration, file)
        architecture = planned["architecture"]
        name = str(architecture["network_class_name"]).rsplit(".", 1)[-1]
        if name not in _KINDS:
            raise UserError(
                f"{file} plans the network {name} for {configuration}; --plans takes {' and '.join(_KINDS)}: give such "
                "plans, or choose an --encoder"
            )
        return Plan(
            _KINDS[name],
            _encoder_arguments(architecture["arch_kwargs"], file),
            tuple(int(length) for length in planned["patch_size"]),
            tuple(float(step) for step in planned["spacing"]),
            tuple(int(axis) for axis in plans["transpose_forward"]),
        )
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as nnU-Net plans ({error}); give a plans file of nnU-Net v2") from None
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{file} lacks or garbles {error} for {configuration}; plan the dataset again with nnU-Net 2.8"
        ) from None


def _resolve(configurations: dict[str, Any], name: str, file: Path) -> dict[str, Any]:
    """A configuration with what it inherits: its own entries win."""
    merged: dict[str, Any] = {}
    seen: list[str] = []
    following: str | None = name
    while following is not None:
        if following not in configurations or following in seen:
            problem = "inherits from itself" if following in seen else f"is not in {', '.join(configurations)}"
            raise UserError(f"the configuration '{following}' of {file} {problem}; give another --configuration")
        seen.append(following)
        merged = {**configurations[following], **merged}
        following = configurations[following].get("inherits_from")
    return merged


def _encoder_arguments(planned: dict[str, Any], file: Path) -> dict[str, Any]:
    """The part of a network's arguments that its encoder takes, one number a stage where nnU-Net allows one for all."""
    known = (*_PER_STAGE, *_CLASSES, *_PLAIN)
    unknown = sorted(set(planned) - set(known) - set(_NOT_THE_ENCODERS))
    if unknown:
        raise UserError(
            f"{file} plans a network with {', '.join(unknown)}, which --plans does not know; choose an --encoder"
        )
    for name in _CLASSES:
        torch_class(planned.get(name))
    arguments = {name: planned[name] for name in known if name in planned}
    for name in set(_PER_STAGE) & set(arguments):
        if not isinstance(arguments[name], list):
            arguments[name] = [arguments[name]] * planned["n_stages"]
    return arguments
