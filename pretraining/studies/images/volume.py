"""NIfTI, NRRD, MetaImage and whatever else SimpleITK reads from one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pretraining.studies.images.image import SourceImage, UnusableImageError
from pretraining.studies.images.nifti_integrity import check_nifti

SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

# Beyond this a header means a sheared grid (a tilted gantry), which no rotation can stand for.
_LARGEST_SHEAR_DEGREES = 1.0


def read(path: Path) -> SourceImage:
    """Read an image of two or three dimensions.

    Raises:
        UnusableImageError: the file cannot be read, holds complex numbers, or its axes are not at right angles.
    """
    flags: tuple[str, ...] = ()
    not_finite = check_nifti(path) if path.name.lower().endswith((".nii", ".nii.gz")) else None
    try:
        pixels = sitk.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal" not in str(error):
            raise UnusableImageError(f"the image cannot be read ({itk_reason(error)})") from error
        pixels, shear = _read_sheared(path)
        flags = (f"image axes are {shear:.2f} degrees off right angles: taken as right angles",)
    if "complex" in pixels.GetPixelIDTypeAsString():
        raise UnusableImageError("the voxels are complex numbers: save their magnitude")
    return SourceImage(pixels if not_finite is None else _with_nan(pixels, not_finite), flags=flags)


def _with_nan(pixels: sitk.Image, not_finite: np.ndarray) -> sitk.Image:
    """Put NaN back where ITK read zeros for it."""
    array = sitk.GetArrayFromImage(pixels)
    components = pixels.GetNumberOfComponentsPerPixel()
    # A file holds components one after the other, an array side by side.
    where = np.moveaxis(not_finite.reshape(components, -1), 0, -1).reshape(array.shape)
    image = sitk.GetImageFromArray(np.where(where, np.nan, array), isVector=components > 1)
    image.CopyInformation(pixels)
    return image


def itk_reason(error: Exception) -> str:
    """The sentence in an exception of ITK, without the places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("ITK ERROR: ").removeprefix("sitk::ERROR: ") if lines else "unknown error of ITK"


def _read_sheared(path: Path) -> tuple[sitk.Image, float]:
    with _permissive_nifti():
        try:
            pixels = sitk.ReadImage(str(path))
            rows = [[float(x) for x in pixels.GetMetaData(f"srow_{axis}").split()[:3]] for axis in "xyz"]
        except RuntimeError as error:
            raise UnusableImageError(f"the image cannot be read ({itk_reason(error)})") from error
    shear = _shear_degrees(np.array(rows))
    if not shear <= _LARGEST_SHEAR_DEGREES:
        raise UnusableImageError(
            f"image axes are {shear:.1f} degrees off right angles (non-orthonormal direction): "
            "resample the image to an upright grid"
        )
    return pixels, shear


def _shear_degrees(matrix: np.ndarray) -> float:
    """How far the worst pair of columns is from a right angle; infinite where a column is zero."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.all(lengths > 0):
        return float("inf")
    cosines = (matrix / lengths).T @ (matrix / lengths)
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines - np.diag(np.diag(cosines))).max(), 0, 1))))


@contextmanager
def _permissive_nifti() -> Iterator[None]:
    """ITK reads sheared NIfTI headers (as the nearest rotation) only when this variable is set."""
    name = "ITK_NIFTI_SFORM_PERMISSIVE"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
