"""Maps in the geometry of the image that they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from pretraining.errors import UserError
from pretraining.studies.images.grid import ORIENTATION, upright
from pretraining.studies.images.image import SourceImage, UnusableImageError
from pretraining.studies.images.load import load_images


def channels_first(image: sitk.Image) -> NDArray[Any]:
    """`(C, *S)` from an image of one component or more."""
    array = sitk.GetArrayFromImage(image)
    return np.moveaxis(array, -1, 0) if image.GetNumberOfComponentsPerPixel() > 1 else array[None]


class PlacedImage:
    """An image in the orientation of pretraining, which knows the way back.

    Args:
        path: any file that `prepare` reads.

    Raises:
        UserError: the file is missing or cannot be read as one image.
    """

    def __init__(self, path: Path) -> None:
        try:
            source: SourceImage = load_images(path)[0]
            self.image, self.original_orientation = upright(source.pixels)
        except UnusableImageError as error:
            raise UserError(f"{path} cannot be mapped: {error}") from error
        self.source = source.pixels
        self.array = channels_first(self.image)
        self.spacing = tuple(reversed(self.image.GetSpacing())) if source.has_spacing else None

    def write(self, values: NDArray[np.float32], path: Path) -> None:
        """Write values on the image's grid as NIfTI, in the geometry of the original file.

        Args:
            values: `(*S,)` on the grid of `array`.
            path: ends in `.nii.gz`.
        """
        if self.source.GetDimension() == 2:
            result = sitk.GetImageFromArray(values)
            result.CopyInformation(self.source)
        else:
            oriented = sitk.DICOMOrient(self.source, ORIENTATION)
            result = sitk.GetImageFromArray(_as_volume(values, oriented.GetSize()))
            result.CopyInformation(oriented)
            result = sitk.DICOMOrient(result, self.original_orientation)
        sitk.WriteImage(result, str(path), useCompression=True)


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
