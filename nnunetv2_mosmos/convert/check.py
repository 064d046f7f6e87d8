"""Whether a case can be taken over."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.nifti1 import Nifti1Image
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from nnunetv2_mosmos.convert.source import Case, Source
from pretraining.errors import UserError
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.nifti_integrity import check_nifti

# Headers hold single precision, and some tools wrote them in decimals: positions may differ by so many mm.
TOLERANCE = 1e-2


class RejectedCaseError(Exception):
    """Why a case stays behind."""


def check_case(case: Case, source: Source) -> set[int]:
    """Check that the files are there, lie on one grid and hold known label values.

    Args:
        case: training or test.
        source: knows the values.

    Returns:
        The values in its label; none for a test case.

    Raises:
        RejectedCaseError: a file is missing or damaged, or the grids differ.
        UserError: a label value is unknown: then those of all other cases may mean something else, too.
    """
    files = [*case.images, *([case.label] if case.label else [])]
    for file in files:
        if not file.is_file():
            raise RejectedCaseError(f"{file.name} is missing")
    (shape, affine), *others = [_geometry(file) for file in files]
    for file, (other_shape, other_affine) in zip(files[1:], others, strict=True):
        if other_shape != shape:
            raise RejectedCaseError(f"{files[0].name} has {shape} voxels and {file.name} has {other_shape}")
        # No voxel lies farther from its counterpart than this.
        if (np.abs(other_affine - affine) @ (*shape[:3], 1)).max() > TOLERANCE:
            raise RejectedCaseError(f"{files[0].name} and {file.name} lie differently in space")
    return _known_values(case, source) if case.label else set()


def _known_values(case: Case, source: Source) -> set[int]:
    assert case.label is not None
    values = np.unique(read_values(case.label))
    for value in values:
        if value not in source.conversions:
            raise UserError(
                f"case {case.name}: {case.label} has the value {value:g}, which {source.title} does not define "
                f"({', '.join(str(known) for known in source.values)}): mend or remove that file, then convert again"
            )
    return {int(value) for value in values}


def read_values(file: Path) -> NDArray[Any]:
    """The voxels of a label file, `(X, Y, Z)`.

    Raises:
        RejectedCaseError: it is damaged.
    """
    with _readable(file):
        return np.asanyarray(Nifti1Image.from_filename(file).dataobj)


def _geometry(file: Path) -> tuple[tuple[int, ...], NDArray[Any]]:
    """Shape and affine of a file, which is read through."""
    with _readable(file):
        not_finite = check_nifti(file)
        if not_finite is not None and not_finite.all():
            raise RejectedCaseError(f"{file.name} holds nothing but NaN or Inf")
        image = Nifti1Image.from_filename(file)
        return image.shape, image.affine


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (UnusableImageError, WrapStructError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise RejectedCaseError(f"{file.name} cannot be read ({' '.join(str(error).split())})") from error
