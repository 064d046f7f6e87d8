"""Voxel values: what cannot be used, what is repaired, and the smallest type that holds the rest."""

from __future__ import annotations

import numpy as np

from pretraining.studies.images.image import UnusableImageError

# An image with more NaN or Inf than this is broken rather than padded.
_LARGEST_NONFINITE_SHARE = 0.5


def repair(array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Replace NaN and Inf by the lowest finite value.

    Args:
        array: any shape.

    Returns:
        The array and flags that say what was done.

    Raises:
        UnusableImageError: the array is empty, constant, or mostly not finite.
    """
    if array.size == 0:
        raise UnusableImageError("the image has no voxels")
    flags: tuple[str, ...] = ()
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        share = 1.0 - float(finite.mean())
        if share > _LARGEST_NONFINITE_SHARE:
            raise UnusableImageError(f"{share:.0%} of the voxels are NaN or Inf")
        if share:
            array = np.where(finite, array, array[finite].min())
            flags = (f"{max(share, 0.0001):.2%} of the voxels were NaN or Inf: replaced by the lowest value",)
    if array.min() == array.max():
        raise UnusableImageError(f"the image is constant (every voxel is {array.flat[0]:g})")
    return array, flags


def compact(array: np.ndarray, hounsfield: bool = False) -> np.ndarray:
    """The array in the smallest of uint8, int16, uint16 and float32 that holds it.

    Args:
        array: finite values of any shape.
        hounsfield: the values are HU: rounded to whole numbers where they are not.
    """
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if not hounsfield and not np.array_equal(whole, array):
            return array.astype(np.float32)
        array = whole
    lowest, highest = array.min(), array.max()
    if array.dtype == np.uint8:
        return array
    for candidate in (np.int16, np.uint16):
        limits = np.iinfo(candidate)
        if limits.min <= lowest and highest <= limits.max:
            return array.astype(candidate)
    return array.astype(np.float32)
