"""One image file into the prepared folder: read, clean, bring onto its grid, write, measure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from pretraining.studies.arrays import SUFFIX, write_array
from pretraining.studies.images.grid import (
    geometry_of,
    grid_for,
    has_place,
    resample,
    resample_labels,
    same_place,
    upright,
    without_time,
)
from pretraining.studies.images.image import SourceImage, UnusableImageError
from pretraining.studies.images.load import load_images
from pretraining.studies.images.volume import itk_reason
from pretraining.studies.images.voxels import compact, repair
from pretraining.studies.modalities import UNKNOWN

QUANTILES = 33
"""How many evenly spaced quantiles of an image are kept for the histograms of the page."""

_SAMPLED_VOXELS = 200_000
# HU of anything but a uniform phantom span more than this; a CT in [0, 1] or of unit variance spans less.
_LEAST_HU_SPAN = 100


@dataclass(frozen=True)
class ImageTask:
    """An image to prepare.

    Attributes:
        path: a file, or a folder of DICOM objects. `mask`: its label image, or empty.
        output: the prepared folder.
        stem: name of the arrays to write, without suffix.
        fingerprint: of the input files and the options; equal fingerprints mean equal results.
        modality: what the table says; empty to believe the file.
        target_spacing: mm, array order, for 3D; empty to keep.
        max_side: longest side in 2D, pixels.
    """

    path: str
    mask: str
    output: str
    stem: str
    fingerprint: str
    modality: str = ""
    target_spacing: tuple[float, ...] = ()
    max_side: int = 512


@dataclass(frozen=True)
class StoredImage:
    """An image in the prepared folder.

    Attributes:
        array: relative path. `mask`: likewise, empty when there is none.
        shape: `(C, *spatial)`.
        spacing: mm, array order; None when unknown.
        modality: a code or `unknown`.
        regions: body regions that the file names.
        patient: the patient id that the file names, or empty.
        flags: what a person should look at.
        content: SHA-256 of the voxels as read, to find duplicates.
        quantiles: of the stored intensities, from lowest to highest.
    """

    array: str
    mask: str
    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    modality: str
    regions: tuple[str, ...]
    patient: str
    flags: tuple[str, ...]
    content: str
    quantiles: tuple[float, ...]


@dataclass(frozen=True)
class ImageOutcome:
    """What became of one task.

    Attributes:
        fingerprint: the task's.
        images: what was stored, one a DICOM series.
        left_out: name and reason of parts that were not taken.
        problem: why nothing was stored; empty when something was.
        disk_problem: why nothing could be written: not the image's fault.
    """

    fingerprint: str
    images: tuple[StoredImage, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    disk_problem: str = ""


def store_image(task: ImageTask) -> ImageOutcome:
    """Prepare one image. Never raises for what an image file can do wrong.

    Args:
        task: what to read and where to write.
    """
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        sources = load_images(Path(task.path))
        stored: list[StoredImage] = []
        left_out: list[tuple[str, str]] = []
        for source in sources:
            left_out += source.left_out
            stem = task.stem if len(sources) == 1 else f"{task.stem}_{len(stored)}"
            try:
                stored.append(_store(source, stem, task, left_out))
            except UnusableImageError as error:
                left_out.append(("", str(error)))
        if not stored:
            return ImageOutcome(task.fingerprint, problem="; ".join(reason for _, reason in left_out))
        return ImageOutcome(task.fingerprint, tuple(stored), tuple(left_out))
    except UnusableImageError as error:
        return ImageOutcome(task.fingerprint, problem=str(error))
    except MemoryError:
        return ImageOutcome(task.fingerprint, problem="the image does not fit into memory")
    except OutputError as error:
        return ImageOutcome(task.fingerprint, disk_problem=str(error))
    except OSError as error:
        return ImageOutcome(task.fingerprint, problem=f"the file cannot be read ({error.strerror or error})")
    except (ValueError, RuntimeError) as error:
        # What no check foresaw in one file must not cost the others.
        return ImageOutcome(task.fingerprint, problem=f"the image cannot be prepared ({itk_reason(error)})")


class OutputError(Exception):
    """The prepared folder cannot be written to: no fault of the image."""


def _write(folder: str, name: str, array: np.ndarray, geometry: Mapping[str, Any]) -> None:
    try:
        write_array(Path(folder, name), array, geometry)
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error


def _store(source: SourceImage, stem: str, task: ImageTask, left_out: list[tuple[str, str]]) -> StoredImage:
    array, flags = repair(sitk.GetArrayFromImage(source.pixels))
    flags = source.flags + flags
    modality = task.modality or source.modality or UNKNOWN
    span = float(array.max()) - float(array.min())
    hounsfield = modality == "CT" and span >= _LEAST_HU_SPAN
    clean = _as_image(compact(array, hounsfield), source.pixels)
    oriented, original_orientation = upright(clean)
    stored_type = sitk.GetArrayViewFromImage(oriented).dtype
    image = resample(oriented, *grid_for(oriented, task.target_spacing, task.max_side))
    voxels = sitk.GetArrayFromImage(image)
    if voxels.dtype != stored_type:
        voxels = _in_type(voxels, stored_type)
    geometry = geometry_of(image, source.pixels, original_orientation, source.has_spacing)
    channels_first = _channels_first(voxels, image.GetDimension())
    quantiles = intensity_quantiles(channels_first)
    if modality == "CT" and not hounsfield:
        flags += (f"CT whose values span only {span:.4g}: perhaps not in HU",)
    elif modality == "CT" and quantiles[0] >= 0:
        flags += ("CT without negative values: perhaps not in HU",)
    name = f"images/{stem}{SUFFIX}"
    _write(task.output, name, channels_first, geometry)
    return StoredImage(
        array=name,
        mask=_store_mask(source, oriented, image, stem, task, left_out),
        shape=channels_first.shape,
        spacing=tuple(geometry["spacing"]) if geometry["spacing"] else None,
        modality=modality,
        regions=source.regions,
        patient=source.patient,
        flags=flags,
        content=hashlib.sha256(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes()).hexdigest(),
        quantiles=quantiles,
    )


def _store_mask(
    source: SourceImage,
    oriented: sitk.Image,
    image: sitk.Image,
    stem: str,
    task: ImageTask,
    left_out: list[tuple[str, str]],
) -> str:
    """Write the mask on the image's grid; its relative path, or empty when there is none that fits."""
    if not task.mask:
        return ""
    try:
        mask = load_images(Path(task.mask), labels=True)[0].pixels
        placed = _placed_labels(without_time(mask), source, oriented, image)
    except UnusableImageError as error:
        left_out.append((task.mask, f"mask: {error}"))
        return ""
    name = f"masks/{stem}{SUFFIX}"
    _write(
        task.output, name, _channels_first(placed, image.GetDimension()), {"spacing": list(image.GetSpacing()[::-1])}
    )
    return name


def _placed_labels(mask: sitk.Image, source: SourceImage, oriented: sitk.Image, image: sitk.Image) -> np.ndarray:
    """The labels of a mask on an image's grid.

    Args:
        mask: as read. One of the image's size has the image's voxels, unless the headers of both place the two apart.
        source: the image as read.
        oriented: the image upright, on its own grid.
        image: the image as stored.

    Raises:
        UnusableImageError: no labels, or no place for them in the image.
    """
    pixels = without_time(source.pixels)
    labels = compact(sitk.GetArrayFromImage(mask))
    if labels.dtype.kind == "f" or mask.GetNumberOfComponentsPerPixel() > 1:
        raise UnusableImageError("labels must be whole numbers in one channel")
    comparable = source.has_spacing and mask.GetDimension() == pixels.GetDimension()
    placed = upright(_as_image(labels, mask))[0]
    if same_place(placed, oriented):
        placed.CopyInformation(oriented)
    elif mask.GetSize() == pixels.GetSize() and not (
        comparable and has_place(mask, pixels) and has_place(pixels, mask)
    ):
        placed = upright(_as_image(labels, pixels))[0]
    elif not comparable or placed.GetDimension() != image.GetDimension():
        raise UnusableImageError(f"the mask has size {mask.GetSize()}, the image {pixels.GetSize()}")
    elif labels.any() and not sitk.GetArrayFromImage(resample_labels(placed, oriented)).any():
        raise UnusableImageError("by the headers of both, no label lies inside the image")
    return sitk.GetArrayFromImage(resample_labels(placed, image))


def intensity_quantiles(array: np.ndarray) -> tuple[float, ...]:
    """Evenly spaced quantiles of an image's values (of an even sample of them in a large image)."""
    flat = array.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLED_VOXELS)]
    # Digits that count, not decimals: some MR images lie around 1e-5.
    return tuple(float(f"{value:.6g}") for value in np.quantile(sample, np.linspace(0, 1, QUANTILES)))


def _in_type(voxels: np.ndarray, stored_type: np.dtype[Any]) -> np.ndarray:
    """Resampled values in the type of the image: smoothing overshoots at edges, beyond what an integer type holds."""
    if stored_type.kind in "iu":
        limits = np.iinfo(stored_type)
        voxels = np.clip(np.rint(voxels), limits.min, limits.max)
    return voxels.astype(stored_type)


def _as_image(array: np.ndarray, like: sitk.Image) -> sitk.Image:
    image = sitk.GetImageFromArray(array, isVector=array.ndim > like.GetDimension())
    image.CopyInformation(like)
    return image


def _channels_first(voxels: np.ndarray, dim: int) -> np.ndarray:
    return voxels[np.newaxis] if voxels.ndim == dim else np.moveaxis(voxels, -1, 0)


def safe_stem(name: str, fingerprint: str) -> str:
    """A file name for an image: its own name where possible, unique by the fingerprint."""
    kept = "".join(character if re.match(r"[A-Za-z0-9_.-]", character) else "_" for character in name)
    return f"{kept[-80:].lstrip('._')}-{fingerprint[:10]}"
