"""Position tables of vision transformers: other grid sizes, and from images to volumes and back."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

# Bicubic is what ViT (Dosovitskiy et al., ICLR 2021) and its descendants use; volumes have no cubic kernel in torch.
TABLE_INTERPOLATION = {2: "bicubic", 3: "trilinear"}


def resample_positions(table: Tensor, grid: Sequence[int]) -> Tensor:
    """Stretch a position table over another grid of the same dimension.

    Args:
        table: `(1, H, *reference grid)`.
        grid: positions per axis.

    Returns:
        `(1, H, *grid)`; the table itself where the grid is already its own.
    """
    if tuple(table.shape[2:]) == tuple(grid):
        return table
    return functional.interpolate(table, size=tuple(grid), mode=TABLE_INTERPOLATION[len(grid)], align_corners=False)


def adapt_positions(table: Tensor, target_shape: Sequence[int]) -> tuple[Tensor, str]:
    """Fit a position table to a transformer of another grid or dimension.

    An image's table is stretched in-plane and repeated along the volume's first axis, so that slices of a volume get
    the positions of the image; a volume's table is averaged over that axis to serve images.

    Args:
        table: `(1, H, *source grid)`.
        target_shape: `(1, H, *target grid)`.

    Returns:
        The adapted table and what was done to it.

    Raises:
        ValueError: the hidden sizes differ, or a grid has neither 2 nor 3 axes.
    """
    source_grid, grid = tuple(table.shape[2:]), tuple(target_shape[2:])
    if table.shape[1] != target_shape[1] or not {len(source_grid), len(grid)} <= {2, 3}:
        raise ValueError(f"a position table of shape {tuple(table.shape)} cannot serve {tuple(target_shape)}")
    if source_grid == grid:
        return table.clone(), "copied"
    steps = []
    if len(source_grid) > len(grid):
        table = table.mean(2)
        steps.append(f"positions averaged over {source_grid[0]} along depth")
    plane = grid if len(grid) == table.dim() - 2 else grid[1:]
    if tuple(table.shape[2:]) != plane:
        steps.append(f"positions interpolated {_size(table.shape[2:])} -> {_size(plane)}")
        table = resample_positions(table, plane)
    if len(plane) < len(grid):
        table = table.unsqueeze(2).repeat(1, 1, grid[0], 1, 1)
        steps.append(f"repeated {grid[0]} x along depth")
    return table.clone(), ", ".join(steps)


def _size(grid: Sequence[int]) -> str:
    return "x".join(str(length) for length in grid)
