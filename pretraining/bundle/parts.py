"""The modules whose weights a bundle holds, and whether it holds all of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pretraining.bundle.info import BundleInfo
from pretraining.heads.recognition import CosineAttentionRecognition
from pretraining.image.convolutional import is_alias
from pretraining.image.encoder import build_encoder
from pretraining.image.pixel_projector import PixelProjector
from pretraining.image.spec import cumulative_strides, feature_channels


def build_parts(info: BundleInfo) -> dict[str, nn.Module]:
    """The modules that make maps, with random weights, by the names that a bundle's tensors begin with.

    Args:
        info: the contents of `bundle.json`.
    """
    strides, channels = cumulative_strides(info.encoder), feature_channels(info.encoder)
    return {
        "encoder": build_encoder(info.encoder),
        "pixel_projector": PixelProjector(channels, strides, info.map_stage, info.embedding_dim, info.dim),
        "recognition": CosineAttentionRecognition(info.embedding_dim, info.attention_temperature),
    }


def misfit(info: BundleInfo, tensors: Mapping[str, Tensor]) -> str:
    """What is wrong with a bundle's tensors: the first that is missing, has another shape or belongs nowhere.

    Args:
        info: what they are said to be.
        tensors: by name.

    Returns:
        A phrase, or nothing where all is well.
    """
    with torch.device("meta"):
        parts = build_parts(info)
    shapes = {
        f"{part}.{name}": tuple(tensor.shape)
        for part, module in parts.items()
        for name, tensor in module.state_dict().items()
        if not is_alias(name)
    }
    shapes["tag_embeddings"] = (len(info.tags), info.embedding_dim)
    for name, shape in shapes.items():
        if name not in tensors:
            return f"it lacks {name}"
        if tuple(tensors[name].shape) != shape:
            return f"{name} has shape {tuple(tensors[name].shape)} where {shape} is described"
    unknown = (name for name in tensors if name not in shapes and not is_alias(name))
    stray = next((name for name in unknown if name.split(".")[0] in parts), "")
    return f"nothing is described for {stray}" if stray else ""
