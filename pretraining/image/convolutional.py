"""nnU-Net's own convolutional encoders, built from an `EncoderSpec`."""

from __future__ import annotations

from typing import Any

from torch import nn

from pretraining.errors import UserError
from pretraining.image.spec import EncoderSpec, per_axis

# nnU-Net plans up to six stages in 2D and 3D; four reach stride 8, where the maps live, and train quickly.
DEFAULT_STAGES = 6
MAX_FEATURES = {2: 512, 3: 320}
# The same in nnU-Net's presets ResEnc M, L and XL: these differ in the memory that patch and batch may fill.
RESENC_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6)


def is_alias(name: str) -> bool:
    """Whether a state dictionary's entry names a tensor a second time: nnU-Net's blocks list their layers twice."""
    return ".all_modules." in name


def convolutional_arguments(kind: str, dim: int, stages: int = DEFAULT_STAGES) -> dict[str, Any]:
    """What nnU-Net plans for an isotropic patch: 32 features, doubled at each stage up to 512 (2D) or 320 (3D).

    Args:
        kind: `plainconv` (nnU-Net's default plans) or `resenc` (its residual encoder presets).
        dim: 2 or 3.
        stages: resolution stages; every one but the first halves the resolution.

    Returns:
        The `arguments` of an `EncoderSpec`.
    """
    blocks = {"n_conv_per_stage": [2] * stages} if kind == "plainconv" else {}
    if kind == "resenc":
        blocks = {"n_blocks_per_stage": [RESENC_BLOCKS[min(stage, 7)] for stage in range(stages)]}
    return {
        "n_stages": stages,
        "features_per_stage": [min(32 * 2**stage, MAX_FEATURES[dim]) for stage in range(stages)],
        "kernel_sizes": [[3] * dim for _ in range(stages)],
        "strides": [[1] * dim] + [[2] * dim for _ in range(stages - 1)],
        **blocks,
    }


def torch_class(name: str | None) -> type[nn.Module] | None:
    """A class of `torch.nn` by the name that nnU-Net's plans give it, e.g. `torch.nn.LeakyReLU`; None for None.

    Raises:
        UserError: there is no such class.
    """
    found = None if name is None else getattr(nn, name.rsplit(".", 1)[-1], None)
    if name is not None and not (isinstance(found, type) and name.startswith("torch.nn.")):
        raise UserError(
            f"'{name}' is not a class of torch.nn; encoders are built of these alone: name one in the plans"
        )
    return found


def build_convolutional(spec: EncoderSpec) -> nn.Module:
    """An encoder whose parameters bear the names that nnU-Net's networks give them below `encoder.`.

    Args:
        spec: kind `plainconv` or `resenc`; its arguments may override what nnU-Net's planner always plans: biases,
            instance normalization and leaky ReLU.

    Returns:
        A module that maps `(B, C, *S)` to a list of features, one a stage, the shallowest first.
    """
    from dynamic_network_architectures.building_blocks.plain_conv_encoder import PlainConvEncoder
    from dynamic_network_architectures.building_blocks.residual_encoders import ResidualEncoder

    arguments = {
        "conv_bias": True,
        "norm_op": f"torch.nn.InstanceNorm{spec.dim}d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
        **spec.arguments,
    }
    for name in ("kernel_sizes", "strides"):
        arguments[name] = [list(per_axis(entry, spec.dim)) for entry in arguments[name]]
    for name in ("norm_op", "dropout_op", "nonlin"):
        arguments[name] = torch_class(arguments.get(name))
    encoder: nn.Module = {"plainconv": PlainConvEncoder, "resenc": ResidualEncoder}[spec.kind](
        input_channels=spec.input_channels,
        conv_op={2: nn.Conv2d, 3: nn.Conv3d}[spec.dim],
        return_skips=True,
        **arguments,
    )
    return encoder
