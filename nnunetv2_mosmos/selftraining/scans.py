"""Prepared images as files that lie in space as those of a dataset do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image

from nnunetv2_mosmos.attach.orientation import UPRIGHT, axis_codes
from pretraining.errors import UserError
from pretraining.image.fit import fit_of
from pretraining.studies.arrays import read_array, read_geometry
from pretraining.studies.modalities import CODES, UNKNOWN, modality_code

# Endings that SimpleITK writes with a direction matrix, and those of pictures without millimetres.
_VOLUMES = (".nii.gz", ".nii", ".nrrd", ".mha")
_PICTURES = (".png", ".bmp")
ENDINGS = (*_VOLUMES, *_PICTURES)


class UnfitImageError(Exception):
    """An image that the dataset's network cannot read; says why."""


@dataclass(frozen=True)
class Slices:
    """How a 2D network sees a volume.

    Attributes:
        axial: whether its slices are axial.
        patch: pixels, along the patient's anterior-posterior and left-right axis.
        spacing: mm, likewise.
    """

    axial: bool
    patch: tuple[int, ...]
    spacing: tuple[float, ...]


@dataclass(frozen=True)
class Lie:
    """How a dataset's images lie, and what its network sees of them.

    Attributes:
        orientation: three letters of SimpleITK.DICOMOrient.
        channels: of an image.
        is_ct: whether images are normalized as CT.
        slices: of a 2D network; None for a 3D one.
        modalities: DICOM's codes of the channels whose names tell one.
    """

    orientation: str
    channels: int
    is_ct: bool
    slices: Slices | None
    modalities: frozenset[str] = frozenset()


def lie_of(properties: dict[str, Any], plans: Any, configuration: Any, dataset_json: Mapping[str, Any]) -> Lie:
    """How the cases of a dataset lie.

    Args:
        properties: what nnU-Net's reader says of one of them.
        plans: nnU-Net's PlansManager.
        configuration: its ConfigurationManager.
        dataset_json: of the dataset.

    Returns:
        The lie; that of pictures is upright (LPS).

    Raises:
        UserError: the files of volumes tell no direction.
    """
    codes = axis_codes(properties, range(3))
    if codes is None and (ending := dataset_json["file_ending"]) not in _PICTURES:
        raise UserError(
            f"nobody knows how the dataset's images lie: nnU-Net reads no direction in 3D from its {ending} files; "
            f"convert them to volumes that have one ({', '.join(_VOLUMES)}) and train again"
        )
    array_axes = codes or UPRIGHT
    slices = None
    if len(configuration.patch_size) == 2:
        across, *plane = (array_axes[axis] for axis in plans.transpose_forward)
        axial = across in "IS"
        # Rows of an upright slice run from front to back.
        order = sorted(range(2), key=lambda axis: plane[axis] not in "AP")
        slices = Slices(
            axial,
            tuple(int(configuration.patch_size[axis]) for axis in order),
            tuple(float(configuration.spacing[axis]) for axis in order),
        )
    schemes = configuration.normalization_schemes
    modalities = CODES.intersection(map(modality_code, dataset_json.get("channel_names", {}).values()))
    return Lie("".join(reversed(array_axes)), len(schemes), "CTNormalization" in schemes, slices, modalities)


def write_scan(array: Path, modality: str, lie: Lie, files: Sequence[Path]) -> None:
    """Write a prepared image as a case of a dataset.

    A picture becomes an axial slice. Where nobody knows its millimetres, its whole width or height fills the network's
    patch, as pretraining shows pictures to an encoder; so does every picture where the dataset's own are pictures, of
    256 grey values: an image of other values, fractions among them, is scaled to these.

    Args:
        array: of a prepared folder.
        modality: of its study.
        lie: how the dataset's images lie.
        files: one a channel; their ending is one of `ENDINGS`.

    Raises:
        UnfitImageError: the image has another modality, other channels or dimensions, no spacing, or no Hounsfield
            units where the dataset has them.
    """
    values, geometry = read_array(array), read_geometry(array)
    if len(values) != lie.channels:
        raise UnfitImageError(f"it has {len(values)} channel(s), the dataset's images have {lie.channels}")
    theirs = " or ".join(sorted(lie.modalities)) or ("CT" if lie.is_ct else "not CT")
    fits = modality in lie.modalities if lie.modalities and modality in CODES else (modality == "CT") == lie.is_ct
    if modality != UNKNOWN and not fits:
        raise UnfitImageError(f"it is {modality}, the dataset's images are {theirs}")
    if lie.is_ct and values.min() >= 0:
        raise UnfitImageError("it has no negative value and is not in Hounsfield units, which the dataset's images are")
    if files[0].name.endswith(_PICTURES):
        _write_pictures(values, lie.slices, files)
        return
    for channel, file in zip(values, files, strict=True):
        image = _picture(channel, geometry, lie.slices) if channel.ndim == 2 else _volume(channel, geometry)
        sitk.WriteImage(sitk.DICOMOrient(image, lie.orientation), str(file), useCompression=True)


def _write_pictures(values: NDArray[Any], slices: Slices | None, files: Sequence[Path]) -> None:
    if values.ndim != 3 or slices is None:
        raise UnfitImageError("it is a volume, the dataset's images are pictures")
    rows, columns = fit_of(values.shape[1:], slices.patch).scaled
    least, most = float(values.min()), float(values.max())
    if not 0 <= least <= most <= 255 or np.any(values != np.rint(values)):
        values = (values - least) * (255 / ((most - least) or 1.0))
    for channel, file in zip(np.round(values).astype(np.uint8), files, strict=True):
        Image.fromarray(channel).resize((columns, rows), Image.Resampling.BILINEAR).save(file)


def _volume(values: NDArray[Any], geometry: dict[str, Any]) -> sitk.Image:
    if geometry.get("spacing") is None:
        raise UnfitImageError("nobody knows the size of its voxels")
    image = sitk.GetImageFromArray(values)
    image.SetSpacing(geometry["spacing"][::-1])
    image.SetOrigin(geometry["origin"])
    image.SetDirection(geometry["direction"])
    return image


def _picture(values: NDArray[Any], geometry: dict[str, Any], slices: Slices | None) -> sitk.Image:
    if slices is None:
        raise UnfitImageError("it is a picture, and the network reads volumes: label it with a 2d network")
    if not slices.axial:
        raise UnfitImageError("it is a picture, taken for an axial slice, and the network's slices are not axial")
    spacing = geometry.get("spacing")
    if spacing is None:
        fit = fit_of(values.shape, slices.patch)
        spacing = [
            step * scaled / own for step, scaled, own in zip(slices.spacing, fit.scaled, fit.original, strict=True)
        ]
    image = sitk.GetImageFromArray(np.ascontiguousarray(values)[None])
    rows, columns = spacing
    image.SetSpacing((columns, rows, 1.0))
    return image
