"""CSV and TSV: one row per image, or per report with its images."""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pretraining import tables
from pretraining.errors import UserError
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import Row, records_of_rows
from pretraining.studies.records import Record, Reject

logger = logging.getLogger(__name__)


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a delimited table with a header; see `Reader`."""
    with open_table(request.input) as file:
        header, rows = table_rows(file, request.input)
        yield from records_of_rows(request, header, rows)


def open_table(path: Path) -> io.TextIOWrapper:
    """Open a text file as UTF-8 or UTF-16 (by its byte order mark); bytes that are neither survive as surrogates.

    Raises:
        UserError: the file cannot be opened.
    """
    # A report is longer than csv's limit of 131,072 characters once in a while.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open("rb") as file:
            start = file.read(2)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from error
    encoding = "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return path.open(encoding=encoding, errors="surrogateescape", newline="")


def table_rows(file: Iterable[str], path: Path) -> tuple[list[str], Iterator[Row]]:
    """Header and rows of an open table.

    Raises:
        UserError: there is no header.
    """
    rows = tables.table_rows(file, _delimiter(path))
    first = next(rows, [])
    if isinstance(first, str):
        raise UserError(f"{path}: its header is {first}")
    header = [name.strip() for name in first]
    if not any(header):
        raise UserError(f"{path} is empty: it needs a header line that names its columns")
    return header, _rows(rows, header, path)


def _rows(rows: Iterator[list[str] | str], header: list[str], path: Path) -> Iterator[Row]:
    for number, values in enumerate(rows, start=2):
        where = f"{path.name}, row {number}"
        if isinstance(values, str):
            yield where, None, values
            continue
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(header):
            yield where, None, f"{len(values)} fields, but the header has {len(header)}"
            continue
        yield where, dict(zip(header, values, strict=True)), ""


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
