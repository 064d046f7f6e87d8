"""Maps in the geometry of the image that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from pretraining.studies.images.grid import ORIENTATION, upright, without_time
from pretraining.studies.images.image import SourceImage
from pretraining.studies.images.voxels import repair


def channels_first(image: sitk.Image) -> NDArray[Any]:
    """`(C, *S)` from an image of one component or more."""
    array = sitk.GetArrayFromImage(image)
    return np.moveaxis(array, -1, 0) if image.GetNumberOfComponentsPerPixel() > 1 else array[None]


class PlacedImage:
    """An image in the orientation of pretraining, which knows the way back.

    Args:
        source: as `load_images` read it.

    Attributes:
        array: `(C, *S)`; voxels that are NaN or Inf hold the lowest value, as in pretraining.
        seen: `(*S,)`, False where the image has no value for the network to see.
        spacing: mm, in the order of S; None when unknown.

    Raises:
        UnusableImageError: neither 2D nor 3D, constant, or mostly NaN.
    """

    def __init__(self, source: SourceImage) -> None:
        image, self.original_orientation = upright(source.pixels)
        self.source = without_time(source.pixels)
        values = channels_first(image)
        self.seen: NDArray[np.bool_] = np.isfinite(values).all(0)
        self.array, _ = repair(values)
        self.spacing = tuple(reversed(image.GetSpacing())) if source.has_spacing else None

    def write(self, maps: Sequence[NDArray[np.float32]], path: Path, stack: bool = False) -> None:
        """Write values on the image's grid as NIfTI, in the geometry of the original file.

        Args:
            maps: `(*S,)` each, on the grid of `array`.
            path: ends in `.nii.gz`.
            stack: write four dimensions, the last one running over `maps`; otherwise there is one map.
        """
        images = [self._in_place(values) for values in maps]
        if stack:
            volumes = [image if image.GetDimension() == 3 else sitk.JoinSeries([image]) for image in images]
            sitk.WriteImage(sitk.JoinSeries(volumes), str(path), useCompression=True)
        else:
            (image,) = images
            sitk.WriteImage(image, str(path), useCompression=True)

    def _in_place(self, values: NDArray[np.float32]) -> sitk.Image:
        if self.source.GetDimension() == 2:
            result = sitk.GetImageFromArray(values)
            result.CopyInformation(self.source)
            return result
        oriented = sitk.DICOMOrient(self.source, ORIENTATION)
        result = sitk.GetImageFromArray(_as_volume(values, oriented.GetSize()))
        result.CopyInformation(oriented)
        return sitk.DICOMOrient(result, self.original_orientation)


def _as_volume(values: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    """Undo what `upright` does to a volume of one slice, which it reads as a picture.

    Args:
        values: `(z, y, x)`, or `(rows, columns)` of the slice.
        size: of the volume, (x, y, z).
    """
    if values.ndim == 3:
        return values
    axis = max(index for index, length in enumerate(size) if length == 1)
    return np.expand_dims(values if axis == 2 else values[::-1], 2 - axis)
