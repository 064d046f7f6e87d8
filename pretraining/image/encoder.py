"""Builds the image encoder that an `EncoderSpec` describes."""

from __future__ import annotations

from torch import nn

from pretraining.image.spec import EncoderSpec


def build_encoder(spec: EncoderSpec) -> nn.Module:
    """The encoder of a spec.

    Args:
        spec: class and arguments.

    Returns:
        A module that maps `(B, C, *S)` to a list of features `(B, C_i, *S_i)`, the shallowest first.
    """
    if spec.kind == "vit":
        from pretraining.image.vit import VitEncoder

        return VitEncoder(dim=spec.dim, input_channels=spec.input_channels, **spec.arguments)
    from pretraining.image.convolutional import build_convolutional

    return build_convolutional(spec)
