"""Any image path, as images: picks the reader by what the path is."""

from __future__ import annotations

import os
from pathlib import Path

from pretraining.studies.images import dicom, raster, volume
from pretraining.studies.images.image import SourceImage, UnusableImageError

SUFFIXES = (*raster.SUFFIXES, *volume.SUFFIXES, *dicom.SUFFIXES)


def load_images(path: Path, labels: bool = False) -> list[SourceImage]:
    """Read what a path holds: one image for a file, one a series for a folder of DICOM objects.

    Args:
        path: a file or a folder.
        labels: the values are labels, which a picture may hold as indices of a palette.

    Raises:
        UnusableImageError: nothing is there, or it cannot be used; the message says why.
    """
    # os.path, not Path: a cell of text in the wrong column may be too long for a path, or hold a NUL.
    if os.path.isdir(path):
        return dicom.read_folder(path)
    if not os.path.isfile(path):
        raise UnusableImageError("the file is missing")
    if path.stat().st_size == 0:
        raise UnusableImageError("the file is empty (0 bytes)")
    name = path.name.lower()
    if name.endswith(raster.SUFFIXES):
        return [raster.read(path, labels)]
    if not name.endswith(volume.SUFFIXES) and dicom.is_dicom(path):
        return [dicom.read(path)]
    return [volume.read(path)]
