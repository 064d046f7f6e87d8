"""Prepared images on disk: blosc2 arrays `(C, *spatial)` with geometry, cut so that a crop reads only its blocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import blosc2
import numpy as np

from pretraining.errors import UserError
from pretraining.studies.atomic import atomic_path

SUFFIX = ".b2nd"

# A block is what one read decompresses (it should fit a core's cache), a chunk is what one seek fetches.
_BLOCK_SIDE = {2: 128, 3: 32}
_CHUNK_SIDE = {2: 512, 3: 128}


def write_array(path: Path, array: np.ndarray, geometry: Mapping[str, Any]) -> None:
    """Write one image, atomically.

    Args:
        path: the file, ending in `.b2nd`.
        array: `(C, Y, X)` or `(C, Z, Y, X)`, any numeric type; stored as it is, without loss.
        geometry: plain JSON types: spacing (mm) and what else is known of the image's place in the patient.

    Raises:
        OSError: the file cannot be written; nothing is left of it then.
    """
    sides = array.ndim - 1
    chunks = (1, *(min(length, _CHUNK_SIDE[sides]) for length in array.shape[1:]))
    blocks = (1, *(min(length, _BLOCK_SIDE[sides]) for length in array.shape[1:]))
    with atomic_path(path) as temporary:
        try:
            stored = blosc2.asarray(
                np.ascontiguousarray(array),
                urlpath=str(temporary),
                mode="w",
                chunks=chunks,
                blocks=blocks,
                cparams=blosc2.CParams(codec=blosc2.Codec.ZSTD, clevel=5, nthreads=1),
                dparams=blosc2.DParams(nthreads=1),
            )
            stored.schunk.vlmeta["geometry"] = dict(geometry)
        except RuntimeError as error:
            # blosc2 reports a failed write (a full disk, a lost mount) as a RuntimeError without the reason.
            raise OSError(f"{path} could not be written ({error})") from error


class StoredArray:
    """A stored image, of which a slice reads only the blocks that it touches.

    Args:
        path: a file that `write_array` wrote.

    Attributes:
        shape: `(C, *spatial)`.

    Raises:
        UserError: the file is missing, truncated or not an array; when slicing, a block is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stored = _open(path)
        self.shape: tuple[int, ...] = tuple(self._stored.shape)

    def __getitem__(self, box: Any) -> np.ndarray:
        try:
            return np.asarray(self._stored[box])
        except RuntimeError as error:
            raise UserError(
                f"{self.path} is damaged ({error}): delete it and run `mosmos_pretrain prepare` again"
            ) from error


def read_array(path: Path, box: tuple[slice, ...] | None = None) -> np.ndarray:
    """Read an image, or a crop of it.

    Args:
        path: a file that `write_array` wrote.
        box: a slice per axis, channels first; only the blocks it touches are read. The whole image when omitted.

    Returns:
        `(C, Y, X)` or `(C, Z, Y, X)` in the type it was stored in.

    Raises:
        UserError: the file is missing, truncated or not an array.
    """
    return StoredArray(path)[... if box is None else box]


def decode_array(content: bytes, name: str) -> np.ndarray:
    """The image that a file's content holds.

    Args:
        content: all bytes of a file that `write_array` wrote.
        name: what it is, for messages.

    Returns:
        As `read_array`.

    Raises:
        UserError: the content is truncated or not an array.
    """
    try:
        return np.asarray(blosc2.ndarray_from_cframe(content)[...])
    except (RuntimeError, ValueError) as error:
        raise UserError(f"the image of study '{name}' is damaged ({error}): write its shard again") from error


def read_shape(path: Path) -> tuple[int, ...]:
    """The shape of a stored image, `(C, *spatial)`, without reading its voxels."""
    return StoredArray(path).shape


def read_geometry(path: Path) -> dict[str, Any]:
    """The geometry that `write_array` was given.

    Raises:
        UserError: the file is missing, truncated or not an array.
    """
    stored = _open(path)
    metadata = stored.schunk.vlmeta
    return dict(metadata["geometry"]) if "geometry" in metadata else {}


def _open(path: Path) -> blosc2.NDArray:
    try:
        return blosc2.open(str(path), mode="r", mmap_mode="r", dparams=blosc2.DParams(nthreads=1))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run `mosmos_pretrain prepare` again") from error
    except (RuntimeError, ValueError, OSError) as error:
        raise UserError(
            f"{path} is not a whole blosc2 array: delete it and run `mosmos_pretrain prepare` again"
        ) from error
