"""How a UNETR is laid out for the patch and the strides that nnU-Net planned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from pretraining.errors import UserError
from pretraining.image.spec import EncoderSpec
from pretraining.image.vit import vit_arguments

MAX_TOKEN_SIZE = 16
# What a bundle's transformer decides; token size and position grid follow from the plan.
_TRANSFORMER_ARGUMENTS = ("hidden_size", "mlp_dim", "num_layers", "num_heads", "taps")


def token_size(strides: Sequence[Sequence[int]]) -> list[int]:
    """The positions per axis that one token covers: 16, or the plan's total stride where that is smaller.

    Args:
        strides: nnU-Net's strides, per stage and axis.

    Returns:
        One number an axis. It divides the planned patch, because the patch is a multiple of the total stride. On an
        axis whose strides are no powers of two, the largest of its cumulative strides up to 16.
    """
    return [_token_length([stride[axis] for stride in _cumulative(strides)]) for axis in range(len(strides[0]))]


def _token_length(cumulative: Sequence[int]) -> int:
    fits = all(stride % MAX_TOKEN_SIZE == 0 or MAX_TOKEN_SIZE % stride == 0 for stride in cumulative)
    if fits and cumulative[-1] >= MAX_TOKEN_SIZE:
        return MAX_TOKEN_SIZE
    return max((stride for stride in cumulative if stride <= MAX_TOKEN_SIZE), default=1)


def level_strides(strides: Sequence[Sequence[int]], max_steps: int) -> list[list[int]]:
    """The strides of the decoder's levels, from the full resolution to the tokens.

    The levels are the plan's own resolutions, up to the token size, so that anisotropic plans are decoded as nnU-Net
    would. Where there are more of them than taps of the transformer, the coarsest below the tokens are left out.

    Args:
        strides: nnU-Net's strides, per stage and axis.
        max_steps: how many times the decoder may upsample: the number of taps.

    Returns:
        Cumulative strides per level and axis, the first all 1, the last the token size.

    Raises:
        UserError: the plan never downsamples.
    """
    token = token_size(strides)
    levels = [[1] * len(token)]
    for stride in _cumulative(strides):
        level = [min(length, limit) for length, limit in zip(stride, token, strict=True)]
        if level != levels[-1]:
            levels.append(level)
    if len(levels) == 1:
        raise UserError("the plan never downsamples its patch, so that a UNETR has no tokens; plan a larger patch")
    return [*levels[:max_steps], levels[-1]] if len(levels) > max_steps + 1 else levels


def deep_supervision_scales(levels: Sequence[Sequence[int]]) -> list[list[float]]:
    """The scales of the decoder's outputs as nnU-Net's trainer counts them: one list a level but the tokens.

    Args:
        levels: from `level_strides`.

    Returns:
        `1 / stride` per level and axis, the full resolution first.
    """
    return [[1 / stride for stride in level] for level in levels[:-1]]


def unetr_arguments(
    patch_size: Sequence[int],
    strides: Sequence[Sequence[int]],
    input_channels: int,
    bundle_encoder: EncoderSpec | None = None,
) -> dict[str, Any]:
    """What `MosmosUNETR` is built with for a configuration of nnU-Net.

    Args:
        patch_size: the configuration's patch, per axis.
        strides: the configuration's strides, per stage and axis.
        input_channels: channels of the network's input.
        bundle_encoder: the bundle's encoder. Where it is a `vit`, its width, depth and taps are taken, so that its
            weights fit; ViT-B otherwise.

    Returns:
        Plain types.

    Raises:
        UserError: the plan never downsamples, or its patch is no multiple of the token size.
    """
    dim, token = len(patch_size), token_size(strides)
    if any(length % step for length, step in zip(patch_size, token, strict=True)):
        raise UserError(
            f"the patch {list(patch_size)} is no multiple of the token size {token} that its strides give; "
            "plan a patch that its total strides divide"
        )
    encoder = vit_arguments("base", dim, tuple(patch_size), token)
    if bundle_encoder is not None and bundle_encoder.kind == "vit":
        encoder |= {name: bundle_encoder.arguments[name] for name in _TRANSFORMER_ARGUMENTS}
    return {
        "dim": dim,
        "input_channels": input_channels,
        "encoder_arguments": encoder,
        "levels": level_strides(strides, max_steps=len(encoder["taps"])),
    }


def _cumulative(strides: Sequence[Sequence[int]]) -> list[list[int]]:
    return list(accumulate(map(list, strides), lambda total, step: [a * b for a, b in zip(total, step, strict=True)]))
