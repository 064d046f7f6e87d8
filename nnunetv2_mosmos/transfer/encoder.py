"""Moves a bundle's encoder into the encoder of a network that nnU-Net planned."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from nnunetv2_mosmos.transfer.kernels import FitOptions, Fitted, Inflation, fit_weight
from nnunetv2_mosmos.transfer.table import Transfer, TransferRow, TransferTable
from nnunetv2_mosmos.transfer.transformer import TRANSFORMER_TABLES, fit_transformer_table
from pretraining.image.convolutional import is_alias


def transfer_encoder(
    source: Mapping[str, Tensor], encoder: nn.Module, image_channels: int, inflation: Inflation = "centre"
) -> Transfer:
    """Fit every tensor of `encoder` from the tensor of the same name in `source`.

    Stages are matched by index, which is what equal names mean. A bias or a normalization layer is worth nothing
    without the weight of its layer: where the weight does not fit, they are skipped with it.

    Args:
        source: a bundle's encoder state.
        encoder: the receiving encoder; only names and shapes are read, so that it may live on the meta device.
        image_channels: how many of the encoder's input channels are image channels (the rest come from a cascade).
        inflation: how a 2D kernel becomes 3D.

    Returns:
        Values for the tensors that fit, and an account of every tensor of the encoder and of the bundle.
    """
    targets = dict(encoder.named_parameters())
    input_layer = next((name for name, target in targets.items() if target.ndim > 2), None)
    fitted: dict[str, Fitted] = {}
    for name, target in targets.items():
        shape = tuple(target.shape)
        if name not in source:
            fitted[name] = Fitted(None, "skipped", "not in the bundle")
        elif name in TRANSFORMER_TABLES:
            fitted[name] = fit_transformer_table(name, source[name], shape, FitOptions(inflation, image_channels))
        else:
            options = FitOptions(inflation, image_channels if name == input_layer else None)
            fitted[name] = fit_weight(source[name], shape, options)
    fitted = _skip_orphans(fitted, targets)
    rows = tuple(TransferRow(name, fit.action, fit.detail, targets[name].numel()) for name, fit in fitted.items())
    tensors = {name: fit.tensor for name, fit in fitted.items() if fit.tensor is not None}
    unused = tuple(name for name in source if name not in targets and not is_alias(name))
    return Transfer(tensors, TransferTable(rows, unused))


def _skip_orphans(fitted: dict[str, Fitted], targets: Mapping[str, Tensor]) -> dict[str, Fitted]:
    """Skip vectors whose layer's weight was skipped."""
    unfit = {_layer(name) for name, fit in fitted.items() if fit.tensor is None and targets[name].ndim > 1}
    orphan = Fitted(None, "skipped", "the weight of its layer does not fit")
    return {
        name: orphan if fit.tensor is not None and targets[name].ndim == 1 and _layer(name) in unfit else fit
        for name, fit in fitted.items()
    }


def _layer(name: str) -> str:
    """`stages.0.0.convs.0.conv.weight` and `stages.0.0.convs.0.norm.bias` belong to `stages.0.0.convs.0`."""
    return name.rsplit(".", 2)[0]
