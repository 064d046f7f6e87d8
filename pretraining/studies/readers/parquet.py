"""Parquet tables; needs pyarrow, an optional extra."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pretraining.errors import UserError
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import Row, records_of_rows
from pretraining.studies.records import Record, Reject

_ROWS_AT_ONCE = 1_000


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a Parquet table; see `Reader`."""
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise UserError(
            f"{request.input.name} is Parquet, and pyarrow is not installed: pip install pyarrow"
        ) from error
    try:
        table = parquet.ParquetFile(request.input)
    except (OSError, arrow.ArrowInvalid) as error:
        raise UserError(f"{request.input} is not a Parquet file that can be read ({error})") from error
    yield from records_of_rows(request, table.schema_arrow.names, _rows(request, table))


def _rows(request: ReadRequest, table: Any) -> Iterator[Row]:
    number = 0
    for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
        for values in batch.to_pylist():
            number += 1
            yield f"{request.input.name}, row {number}", values, ""
