"""One image as it came from a file, and the reason why another cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk


class UnusableImageError(Exception):
    """An image that no study can use; the message is its line in `rejects.csv`."""


@dataclass(frozen=True)
class SourceImage:
    """An image, read but not yet cleaned.

    Attributes:
        pixels: 2D or 3D, one component or more.
        modality: a code of `modalities.py`, or empty.
        regions: body regions that the file names.
        patient: the patient id that the file names, or empty.
        has_spacing: False where the file says nothing of millimetres (PNG, JPEG); the spacing is then 1.
        flags: what a person should look at.
        left_out: parts of the input that do not belong to the image, and why (a stray object in a DICOM series).
    """

    pixels: sitk.Image
    modality: str = ""
    regions: tuple[str, ...] = ()
    patient: str = ""
    has_spacing: bool = True
    flags: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
