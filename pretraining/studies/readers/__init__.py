"""Readers of report-and-image collections: one small module a format, all behind `Reader`."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject

MODULES = {
    "csv": "delimited",
    "jsonl": "json_lines",
    "parquet": "parquet",
    "roco": "roco",
    "iu-xray": "iu_xray",
    "mimic-cxr": "mimic_cxr",
    "ct-rate": "ct_rate",
    "dicom": "dicom_folder",
    "images": "image_folder",
}

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def read_records(request: ReadRequest, format: str = "") -> Iterable[Record | Reject]:
    """Read every entry of the input.

    Args:
        request: where and how.
        format: a key of `MODULES`; guessed from the input's name when empty.

    Raises:
        UserError: the input is missing or not of that format.
    """
    if not request.input.exists():
        raise UserError(f"{request.input} does not exist (--input)")
    if request.image_root is not None and not request.image_root.is_dir():
        raise UserError(f"{request.image_root} is not a folder (--image-root)")
    if request.mask_root is not None and not request.mask_root.is_dir():
        raise UserError(f"{request.mask_root} is not a folder (--mask-root)")
    format = format or guess_format(request)
    if request.pattern != "*" and format != "images":
        raise UserError(
            f"--pattern chooses among the images of a folder, but {request.input} is read as {format}: leave it out"
        )
    read = importlib.import_module(f"{__name__}.{MODULES[format]}").read
    yield from read(request)


def guess_format(request: ReadRequest) -> str:
    """The format that the input's name suggests.

    Raises:
        UserError: nothing can be guessed.
    """
    path: Path = request.input
    if path.is_dir():
        if request.images_only:
            return "images"
        raise UserError(
            f"{path} is a folder: say what it holds with --format ({', '.join(MODULES)}), or give --images-only"
        )
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise UserError(
            f"what {path.name} holds cannot be told from its name: say it with --format ({', '.join(MODULES)})"
        )
    return found
