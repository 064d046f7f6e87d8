"""Moves a bundle's pixel projector into a network whose stages differ from the bundle's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nnunetv2_mosmos.transfer.kernels import FitOptions, fit_weight
from nnunetv2_mosmos.transfer.table import Transfer, TransferRow, TransferTable
from pretraining.image.pixel_projector import PixelProjector


def transfer_projector(
    source: Mapping[str, Tensor],
    source_strides: Sequence[Sequence[int]],
    projector: PixelProjector,
    strides: Sequence[Sequence[int]],
) -> Transfer:
    """Fit every lateral from the bundle's lateral whose stage has the same largest stride.

    The taps of a vision transformer all have the stride of its tokens: they match by index, whatever the token size.
    Where at least one lateral fits, the others start at zero: a random lateral would drown the pretrained pixel
    embeddings that it is added to.

    Args:
        source: a bundle's projector state.
        source_strides: cumulative strides of the bundle's encoder stages.
        projector: the receiving projector; only names and shapes are read.
        strides: cumulative strides of the network's encoder stages.

    Returns:
        Values for the tensors that fit and for those that start at zero, and a row for every tensor.
    """
    matches = _matches(source_strides, strides)
    rows: list[TransferRow] = []
    tensors: dict[str, Tensor] = {}
    for stage in map(int, projector.laterals):
        largest, match = max(strides[stage]), matches[stage]
        for kind, target in projector.laterals[str(stage)].named_parameters():
            name, shape = f"laterals.{stage}.{kind}", tuple(target.shape)
            values = source.get(f"laterals.{match}.{kind}") if match is not None else None
            fits = fit_weight(values, shape, FitOptions()) if values is not None else None
            if fits is None or fits.tensor is None:
                reason = fits.detail if fits else f"the bundle has no lateral of stride {largest}"
                rows.append(TransferRow(name, "skipped", reason, target.numel()))
            else:
                tensors[name] = fits.tensor
                rows.append(TransferRow(name, fits.action, f"stage {match} of stride {largest}", target.numel()))
    return _finish(tensors, rows, projector)


def _matches(source_strides: Sequence[Sequence[int]], strides: Sequence[Sequence[int]]) -> list[int | None]:
    """The bundle's stage for each stage of the network; stages of one largest stride in their order."""
    source, target = ([max(stride) for stride in both] for both in (source_strides, strides))
    if len(set(source)) == len(set(target)) == 1:
        target = source[:1] * len(target)
    matches = []
    for stage, stride in enumerate(target):
        candidates = [other for other, source_stride in enumerate(source) if source_stride == stride]
        rank = target[:stage].count(stride)
        matches.append(candidates[rank] if rank < len(candidates) else None)
    return matches


def _finish(tensors: dict[str, Tensor], rows: list[TransferRow], projector: PixelProjector) -> Transfer:
    """Withdraw biases of laterals whose weight did not fit, and start what did not fit at zero."""
    lost = {row.tensor.rsplit(".", 1)[0] for row in rows if not row.transferred}
    if lost == {f"laterals.{stage}" for stage in projector.laterals}:
        rows = [TransferRow(row.tensor, "skipped", row.detail, row.parameters) for row in rows]
        return Transfer({}, TransferTable(tuple(rows)))
    shapes = {name: tuple(target.shape) for name, target in projector.named_parameters()}
    finished: list[TransferRow] = []
    for row in rows:
        if row.tensor.rsplit(".", 1)[0] in lost:
            tensors[row.tensor] = torch.zeros(shapes[row.tensor])
            row = TransferRow(row.tensor, "zeroed", row.detail, row.parameters)
        finished.append(row)
    return Transfer(tensors, TransferTable(tuple(finished)))
