"""Labels at the resolution of the attention maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from nnunetv2_mosmos.labels.tag_classes import TagClasses

POOLING = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


def tag_fractions(target: Tensor, grid: Sequence[int], classes: TagClasses) -> tuple[Tensor, Tensor]:
    """How much of every map position each tag fills.

    Fractions by area rather than the label at the middle: at stride 8 a small organ would often have no middle at all.

    Args:
        target: nnU-Net's target at full resolution: label values `(B, 1, *S)`, or region channels `(B, R, *S)` with one
            more, last, for ignored voxels where the dataset has them.
        grid: extents of the map grid G; each divides the extent of the target along its axis.
        classes: the classes of each tag.

    Returns:
        Fractions `(B, K, *G)` of the labelled voxels of a position, and `(B, 1, *G)`, the fraction of its voxels that
        are labelled, both in [0, 1] and fp32.
    """
    blocks = tuple(extent // positions for extent, positions in zip(target.shape[2:], grid, strict=True))
    if any(extent % positions for extent, positions in zip(target.shape[2:], grid, strict=True)):
        raise ValueError(f"a map grid {tuple(grid)} does not divide a patch {tuple(target.shape[2:])}")
    if classes.has_regions:
        return _region_fractions(target, blocks, classes)
    return _label_fractions(target, grid, blocks, classes)


def _label_fractions(
    target: Tensor, grid: Sequence[int], blocks: Sequence[int], classes: TagClasses
) -> tuple[Tensor, Tensor]:
    """Counts all labels in one pass: the cost does not grow with the number of tags."""
    batch, dim = target.shape[0], len(grid)
    split = [extent for pair in zip(grid, blocks, strict=True) for extent in pair]
    voxels = target.reshape(batch, *split).permute(0, *range(1, 2 * dim, 2), *range(2, 2 * dim + 1, 2))
    voxels = voxels.reshape(batch, *grid, -1).long()
    known = [value for values in classes.values for value in values]
    # One more class than the largest value that matters: everything else is clamped into it.
    highest = max([*known, classes.ignore_value or 0]) + 1
    counts = torch.zeros(*voxels.shape[:-1], highest + 1, device=target.device)
    counts.scatter_add_(-1, voxels.clamp(0, highest), torch.ones((), device=target.device).expand(voxels.shape))
    counts = counts.movedim(-1, 1) / voxels.shape[-1]
    labelled = torch.ones_like(counts[:, :1])
    if classes.ignore_value is not None:
        labelled = labelled - counts[:, classes.ignore_value, None]
    filled = torch.stack([counts[:, list(values)].sum(1) for values in classes.values], dim=1)
    return filled / labelled.clamp_min(1e-6), labelled


def _region_fractions(target: Tensor, blocks: tuple[int, ...], classes: TagClasses) -> tuple[Tensor, Tensor]:
    """Pools one tag at a time, so that no more than one map at full resolution exists in fp32."""
    assert classes.channels is not None
    pool = POOLING[len(blocks)]
    if classes.ignore_value is None:
        valid = torch.ones_like(target[:, :1], dtype=torch.float32)
    else:
        valid = (target[:, -1:] == 0).float()
    labelled = pool(valid, blocks)
    filled = [
        pool((target[:, list(channels)] > 0).any(1, keepdim=True).float() * valid, blocks)
        for channels in classes.channels
    ]
    return torch.cat(filled, dim=1) / labelled.clamp_min(1e-6), labelled
