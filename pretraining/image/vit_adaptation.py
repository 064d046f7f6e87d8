"""Fits a pretrained `VitEncoder`'s tensors to one of another dimension, token size, grid or channel count."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from pretraining.image.vit_patch_embedding import adapt_patch_embedding
from pretraining.image.vit_positions import adapt_positions


def adapt_vit_tensor(name: str, tensor: Tensor, target_shape: Sequence[int]) -> Tensor:
    """Fit one tensor of a `VitEncoder`.

    Args:
        name: its key in the state dict.
        tensor: its pretrained value.
        target_shape: the shape that the receiving encoder has under the same key.

    Raises:
        ValueError: no adaptation makes it fit: the transformers are not of one width.
    """
    if name == "patch_embedding.weight":
        return adapt_patch_embedding(tensor, target_shape)[0]
    if name == "position_embeddings":
        return adapt_positions(tensor, target_shape)[0]
    if tuple(tensor.shape) != tuple(target_shape):
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, which cannot serve {tuple(target_shape)}")
    return tensor.clone()
