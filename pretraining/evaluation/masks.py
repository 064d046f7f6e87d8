"""Label images of studies, on the grid of the prepared arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from pretraining.evaluation.labels import MaskLabels
from pretraining.studies.arrays import read_array, read_geometry, read_shape
from pretraining.studies.images.grid import upright
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images
from pretraining.studies.manifest import Study

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha", ".png")


class Masks:
    """The masks that a folder has for the studies of a prepared folder.

    `DIR/STUDY.nii.gz` (or another of `SUFFIXES`) belongs to the study of that id, `DIR/CASE.nii.gz` also to the study
    `CASE_0000`, whose id has nnU-Net's channel number. The prepared folder's own `masks`, which `prepare` brought onto
    the grid of its images, are used when they are the folder that is given.

    Args:
        folder: with the masks.
        labels: what their values mean.
        data: the prepared folder.
        studies: which studies to look for.
    """

    def __init__(self, folder: Path, labels: MaskLabels, data: Path, studies: Iterable[Study]) -> None:
        self.folder = folder
        self.labels = labels
        self.left_out: dict[str, str] = {}
        self._files: dict[Path, Path] = {}
        prepared = folder.resolve() == (data / "masks").resolve()
        for study in studies:
            if prepared:
                images = study.images if study.masks else ()
                self._files |= {data / image: data / mask for image, mask in zip(images, study.masks, strict=True)}
            elif file := _mask_of(study.id, folder):
                if len(study.images) == 1:
                    self._files[data / study.images[0]] = file
                else:
                    self.left_out[study.id] = f"one mask for {len(study.images)} images"

    def __contains__(self, image: Path) -> bool:
        return image in self._files

    def read(self, study: str, image: Path) -> NDArray[Any] | None:
        """The label values of an image, or None where its mask does not fit; `left_out` says why.

        Args:
            study: id, for `left_out`.
            image: the prepared array.

        Returns:
            `(*S,)`, on the array's grid; whole numbers of the type that is stored.
        """
        try:
            return _on_grid(self._files[image], image)
        except UnusableImageError as error:
            self.left_out[study] = str(error)
            return None

    def organs(self, mask: NDArray[Any], tags: Iterable[str]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Where each labelled tag's organ is, for those that are in the image at all.

        Args:
            mask: from `read`.
            tags: the tags of interest.

        Yields:
            A tag and its organ, `(*S,)`; one after another, for a CT's hundred would fill any memory.
        """
        # Slice by slice, because `unique` sorts a copy.
        shown = {value for part in mask for value in np.unique(part).tolist()}
        for tag in tags:
            if values := shown.intersection(self.labels.values.get(tag, ())):
                yield tag, reduce(np.logical_or, (mask == value for value in values))

    def describe(self) -> dict[str, Any]:
        """Plain types: what the label names were taken for, and what did not fit."""
        return {"labels": dict(self.labels.tags), "left_out": dict(sorted(self.left_out.items()))}


def _mask_of(study: str, folder: Path) -> Path | None:
    names = (study, re.sub(r"_\d{4}$", "", study))
    return next((path for name in names for end in SUFFIXES if (path := folder / f"{name}{end}").is_file()), None)


def _on_grid(file: Path, image: Path) -> NDArray[Any]:
    shape = read_shape(image)[1:]
    if file.suffix == image.suffix:
        mask = read_array(file)[0]
    else:
        source = load_images(file, labels=True)[0]
        placed = upright(source.pixels)[0]
        mask = sitk.GetArrayFromImage(placed)
        if mask.shape == shape and source.has_spacing:
            _refuse_other_place(placed, read_geometry(image))
    if mask.shape != shape:
        raise UnusableImageError(f"the mask has the shape {mask.shape}, the prepared image {shape}")
    if mask.dtype.kind == "f" and not np.array_equal(mask, np.rint(mask)):
        raise UnusableImageError("the mask's labels are not whole numbers")
    return mask.astype(np.int32) if mask.dtype.kind == "f" else mask


def _refuse_other_place(mask: sitk.Image, geometry: dict[str, Any]) -> None:
    """Equal shapes can lie elsewhere in the patient: the first and last voxels must meet to half a voxel."""
    if not geometry.get("spacing"):
        return
    steps = np.array(mask.GetSize()) - 1
    spacing = np.array(geometry["spacing"][::-1])
    own = _ends(mask.GetOrigin(), mask.GetDirection(), steps * mask.GetSpacing())
    wanted = _ends(geometry["origin"], geometry["direction"], steps * spacing)
    distance = float(np.linalg.norm(own - wanted, axis=1).max())
    if distance > spacing.min() / 2:
        raise UnusableImageError(f"the mask lies up to {distance:.1f} mm from the prepared image")


def _ends(origin: Any, direction: Any, extent: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    start = np.array(origin, float)
    return np.stack([start, start + np.reshape(direction, (len(start), len(start))) @ extent])
