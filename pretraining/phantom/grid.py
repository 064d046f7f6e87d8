"""The voxel grid that a body is rendered on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Grid:
    """An axis-aligned grid in patient coordinates (LPS: x to the left, y to posterior, z to superior).

    Attributes:
        size: voxels along z, y, x. A 2D slice is a grid with one voxel along z.
        spacing: mm along z, y, x.
        center: patient position of the grid's middle, mm, as z, y, x.
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    center: tuple[float, float, float]

    @property
    def origin(self) -> tuple[float, ...]:
        """Patient position of voxel (0, 0, 0), mm, as z, y, x."""
        rows = zip(self.center, self.size, self.spacing, strict=True)
        return tuple(c - (n - 1) / 2 * s for c, n, s in rows)

    def axis(self, index: int) -> NDArray[np.float32]:
        """Positions of the voxel centres along array axis `index`, mm."""
        return (self.origin[index] + np.arange(self.size[index]) * self.spacing[index]).astype(np.float32)

    def boxes(self, low: NDArray[np.float32], high: NDArray[np.float32]) -> list[tuple[slice, slice, slice] | None]:
        """The voxels between pairs of corners.

        Args:
            low: corners `(N, 3)`, mm, as x, y, z; may be infinite.
            high: the opposite corners.

        Returns:
            For each pair slices along z, y, x, or None when nothing of the box is on the grid.
        """
        origin, spacing, size = (np.asarray(v)[None, ::-1] for v in (self.origin, self.spacing, self.size))
        first = np.clip(np.ceil((low - origin) / spacing), 0, size).astype(int)
        last = np.clip(np.floor((high - origin) / spacing) + 1, 0, size).astype(int)
        some = (first < last).all(1)
        return [
            (slice(a[2], b[2]), slice(a[1], b[1]), slice(a[0], b[0])) if full else None
            for a, b, full in zip(first.tolist(), last.tolist(), some, strict=True)
        ]
