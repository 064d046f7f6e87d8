"""Synthetic images and masks as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image

from pretraining.phantom.grid import Grid


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """An 8-bit PNG of a `(Y, X)` array; row 0 is the patient's front, column 0 the patient's right."""
    Image.fromarray(pixels).save(path, compress_level=1)


def write_volume(path: Path, voxels: NDArray[np.int16] | NDArray[np.uint8], grid: Grid) -> None:
    """A compressed NIfTI of a `(Z, Y, X)` array with the grid's geometry."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing([float(s) for s in grid.spacing[::-1]])
    image.SetOrigin([float(o) for o in grid.origin[::-1]])
    sitk.WriteImage(image, str(path), useCompression=True, compressionLevel=1)
