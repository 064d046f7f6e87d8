"""Slices of a DICOM series as a volume: order, doubles, gaps, tilt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from pretraining.studies.images.image import UnusableImageError

# A step this much longer than the usual one means that slices are missing.
_GAP = 1.5
# More missing slices than this share, or a gap of more steps than this, cannot be interpolated honestly.
_LARGEST_MISSING_SHARE = 0.1
_LARGEST_GAP_STEPS = 3.5
_LARGEST_TILT_DEGREES = 1.0


@dataclass(frozen=True)
class Stack:
    """A volume, and what was odd about its slices.

    Attributes:
        image: the volume, with its geometry.
        doubles: indices of slices that were left out because an earlier one stands at their position.
        flags: what a person should look at.
    """

    image: sitk.Image
    doubles: tuple[int, ...]
    flags: tuple[str, ...]


def stack_slices(
    slices: Sequence[np.ndarray], positions: np.ndarray, orientation: np.ndarray, spacing: Sequence[float]
) -> Stack:
    """Stack slices by where they stand.

    Args:
        slices: `(Y, X)` each, two or more, in order of preference (of two at one position the first is kept).
        positions: `(N, 3)` ImagePositionPatient, mm.
        orientation: `(6,)` ImageOrientationPatient.
        spacing: mm along x and y.

    Returns:
        The volume; a few missing slices are interpolated, with a flag that says so.

    Raises:
        UnusableImageError: all slices stand at one place, too many are missing, or the gantry was tilted.
    """
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    heights = positions @ normal
    kept, doubles = _without_doubles(heights)
    if len(kept) < 2:
        raise UnusableImageError(f"all {len(slices)} slices of the series stand at the same position")
    heights = heights[kept]
    step = float(np.median(np.diff(heights)))
    _check_tilt(positions[kept], normal)
    voxels = np.stack([slices[index] for index in kept])
    voxels, flags = _on_regular_steps(voxels, heights, step)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([float(spacing[0]), float(spacing[1]), step])
    image.SetOrigin([float(x) for x in positions[kept[0]]])
    image.SetDirection([float(x) for x in np.stack([row, column, normal], axis=1).ravel()])
    return Stack(image, doubles, flags)


def _without_doubles(heights: np.ndarray) -> tuple[list[int], tuple[int, ...]]:
    """Indices by height, without those that stand where an earlier one stands."""
    order = sorted(range(len(heights)), key=lambda index: (round(float(heights[index]), 2), index))
    kept: list[int] = []
    doubles: list[int] = []
    for index in order:
        same = kept and abs(heights[index] - heights[kept[-1]]) < 0.01
        (doubles if same else kept).append(index)
    return kept, tuple(doubles)


def _check_tilt(positions: np.ndarray, normal: np.ndarray) -> None:
    travel = positions[-1] - positions[0]
    cosine = abs(travel @ normal) / np.linalg.norm(travel)
    tilt = float(np.degrees(np.arccos(np.clip(cosine, 0, 1))))
    if tilt > _LARGEST_TILT_DEGREES:
        raise UnusableImageError(
            f"the slices are sheared by {tilt:.1f} degrees (tilted gantry): resample the series to an upright grid"
        )


def _on_regular_steps(voxels: np.ndarray, heights: np.ndarray, step: float) -> tuple[np.ndarray, tuple[str, ...]]:
    """Interpolate slices onto equal steps where they are uneven."""
    steps = np.diff(heights) / step
    if np.all(np.abs(steps - 1) < 0.02):
        return voxels, ()
    missing = int(np.sum(np.rint(steps[steps > _GAP]) - 1))
    if steps.max() > _LARGEST_GAP_STEPS or missing > max(1, _LARGEST_MISSING_SHARE * len(voxels)):
        raise UnusableImageError(
            f"slices are missing: about {missing} beside {len(voxels)} "
            f"(largest gap {steps.max() * step:.1f} mm, usual step {step:.1f} mm)"
        )
    wanted = np.arange(heights[0], heights[-1] + step / 2, step)
    upper = np.clip(np.searchsorted(heights, wanted), 1, len(heights) - 1)
    weight = np.clip((wanted - heights[upper - 1]) / (heights[upper] - heights[upper - 1]), 0, 1)
    weight = weight.reshape(-1, *[1] * (voxels.ndim - 1))
    even = voxels[upper - 1] * (1 - weight) + voxels[upper] * weight
    if voxels.dtype.kind in "iu":
        even = np.rint(even)
    what = f"{missing} missing slices" if missing else "uneven slice distances"
    return even.astype(voxels.dtype), (f"{what} in the series: interpolated to steps of {step:.2f} mm",)
