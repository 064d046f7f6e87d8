"""The two tensors of a vision transformer that depend on the patch: its patch embedding and its position table."""

from __future__ import annotations

from torch import Tensor

from nnunetv2_mosmos.transfer.kernels import FitOptions, Fitted, misfit
from nnunetv2_mosmos.transfer.table import Action
from pretraining.image.vit_patch_embedding import adapt_patch_embedding
from pretraining.image.vit_positions import adapt_positions

PATCH_EMBEDDING = "patch_embedding.weight"
POSITIONS = "position_embeddings"
TRANSFORMER_TABLES = (PATCH_EMBEDDING, POSITIONS)


def fit_transformer_table(name: str, source: Tensor, shape: tuple[int, ...], options: FitOptions) -> Fitted:
    """Fit a patch embedding or a position table.

    Args:
        name: which of `TRANSFORMER_TABLES`.
        source: the bundle's tensor.
        shape: the shape that the network has.
        options: inflation and image channels of the patch embedding.

    Returns:
        The fitted tensor, or the reason why none fits.
    """
    try:
        if name == POSITIONS:
            tensor, words = adapt_positions(source, shape)
        else:
            tensor, words = adapt_patch_embedding(source, shape, options.image_channels, options.inflation)
    except ValueError:
        return misfit(source, shape)
    return Fitted(tensor, _action(source, shape, words), "" if words == "copied" else words)


def _action(source: Tensor, shape: tuple[int, ...], words: str) -> Action:
    if words == "copied":
        return "copied"
    if source.ndim != len(shape):
        return "inflated" if source.ndim < len(shape) else "collapsed"
    return "resized" if tuple(source.shape[2:]) != shape[2:] else "adapted"
