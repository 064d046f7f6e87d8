"""Label images of studies, on the grid of the prepared arrays."""

from __future__ import annotations

from collections.abc import Iterable
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

    `DIR/STUDY.nii.gz` (or another of `SUFFIXES`) belongs to the study of that id. The prepared folder's own `masks`,
    which `prepare` brought onto the grid of its images, are used when they are the folder that is given.

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
                self._files |= {
                    data / image: data / mask for image, mask in zip(study.images, study.masks, strict=False)
                }
            elif file := next((path for end in SUFFIXES if (path := folder / f"{study.id}{end}").is_file()), None):
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
            `(*S)`, on the array's grid.
        """
        try:
            return _on_grid(self._files[image], image)
        except UnusableImageError as error:
            self.left_out[study] = str(error)
            return None

    def organs(self, mask: NDArray[Any], tags: Iterable[str]) -> dict[str, NDArray[np.bool_]]:
        """Where each labelled tag's organ is, for those that are in the image at all.

        Args:
            mask: from `read`.
            tags: the tags of interest.
        """
        shown = set(np.unique(mask).tolist())
        return {
            tag: np.isin(mask, values)
            for tag in tags
            if not shown.isdisjoint(values := self.labels.values.get(tag, ()))
        }

    def describe(self) -> dict[str, Any]:
        """Plain types: what the label names were taken for, and what did not fit."""
        return {"labels": dict(self.labels.tags), "left_out": dict(sorted(self.left_out.items()))}


def _on_grid(file: Path, image: Path) -> NDArray[Any]:
    shape = read_shape(image)[1:]
    if file.suffix == image.suffix:
        mask = read_array(file)[0]
    else:
        source = load_images(file)[0]
        placed = upright(source.pixels)[0]
        mask = sitk.GetArrayFromImage(placed)
        if mask.shape == shape and source.has_spacing:
            _refuse_other_place(placed, read_geometry(image))
    if mask.shape != shape:
        raise UnusableImageError(f"the mask has the shape {mask.shape}, the prepared image {shape}")
    if mask.dtype.kind == "f" and not np.array_equal(mask, np.rint(mask)):
        raise UnusableImageError("the mask's labels are not whole numbers")
    return mask.astype(np.int64)


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
