"""JSONL: one object a line, keys as a table's columns; images may be a list."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pretraining.errors import UserError
from pretraining.studies.readers.delimited import open_table
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import Row, records_of_rows
from pretraining.studies.records import Record, Reject


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read objects; see `Reader`."""
    header: dict[str, None] = {}
    for _, values, _ in _rows(request):
        header.update(dict.fromkeys(values or ()))
    if not header:
        raise UserError(f"{request.input} holds no JSON object: one object a line is expected")
    return records_of_rows(request, header, _rows(request))


def _rows(request: ReadRequest) -> Iterator[Row]:
    with open_table(request.input) as file:
        for number, line in enumerate(file, start=1):
            where = f"{request.input.name}, line {number}"
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield where, None, f"not JSON ({error})"
                continue
            if isinstance(values, dict):
                yield where, values, ""
            else:
                yield where, None, f"not a JSON object but {type(values).__name__}"
