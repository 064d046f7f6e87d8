"""Whether a NIfTI file is what it says: ITK reads a truncated one without a word, and takes NaN and Inf for zeros."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pretraining.studies.images.image import UnusableImageError

_LONGEST_HEADER = 544
_FLOAT_TYPES = {16: "f4", 64: "f8"}


@dataclass(frozen=True)
class NiftiHeader:
    """What is needed of a header: the voxels' type (NumPy's; empty when not floating), number, offset and bits."""

    float_type: str
    voxels: int
    offset: int
    bits: int


def check_nifti(path: Path) -> np.ndarray | None:
    """Compare a file's length with its header, a compressed file with its checksum, and look for NaN and Inf.

    Args:
        path: `.nii` or `.nii.gz`.

    Returns:
        `(voxels,)` booleans in file order, True where a voxel is NaN or Inf; None when there is none.

    Raises:
        UnusableImageError: the file is truncated, damaged or not NIfTI.
    """
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnusableImageError(f"the file is truncated or damaged ({error})") from error
    header = _read_header(content[:_LONGEST_HEADER])
    expected = header.offset + header.voxels * header.bits // 8
    if len(content) < expected:
        raise UnusableImageError(f"the file is truncated: it holds {len(content)} bytes of {expected}")
    if not header.float_type:
        return None
    finite = np.isfinite(np.frombuffer(content, header.float_type, header.voxels, header.offset))
    return None if finite.all() else ~finite


def _read_header(header: bytes) -> NiftiHeader:
    """The fields of a NIfTI-1 or NIfTI-2 header, of either byte order."""
    for order in "<>":
        size = struct.unpack_from(f"{order}i", header)[0] if len(header) >= 352 else 0
        if size == 348:
            lengths = struct.unpack_from(f"{order}8h", header, 40)
            kind, bits = struct.unpack_from(f"{order}2h", header, 70)
            offset = struct.unpack_from(f"{order}f", header, 108)[0]
        elif size == 540 and len(header) >= 540:
            kind, bits = struct.unpack_from(f"{order}2h", header, 12)
            lengths = struct.unpack_from(f"{order}8q", header, 16)
            offset = struct.unpack_from(f"{order}q", header, 168)[0]
        else:
            continue
        float_type = f"{order}{_FLOAT_TYPES[kind]}" if kind in _FLOAT_TYPES else ""
        if not 0 <= offset < math.inf or bits <= 0 or (float_type and bits != 8 * np.dtype(float_type).itemsize):
            raise UnusableImageError(f"its header is damaged (voxels of {bits} bits at {offset:g})")
        voxels = 1
        for length in lengths[1 : 1 + max(0, min(7, lengths[0]))]:
            voxels *= max(1, length)
        return NiftiHeader(float_type, voxels, int(offset), bits)
    raise UnusableImageError("not a NIfTI file (no NIfTI header)")
