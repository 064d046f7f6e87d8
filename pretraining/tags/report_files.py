"""Reads reports from a CSV, TSV or JSONL stream, one at a time; a row that cannot be used comes out with the reason."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pretraining.errors import UserError
from pretraining.tables import table_rows

FORMATS = ("csv", "tsv", "jsonl")

Values = Mapping[str, Any]


class ReportRow(NamedTuple):
    """One report."""

    id: str
    text: str


class RejectedRow(NamedTuple):
    """One row that was not taken.

    Attributes:
        row: its number; 1 is the first one after the header, or the first line of a JSONL file.
        id: its id, as far as it has one.
        reason: why.
    """

    row: int
    id: str
    reason: str


@dataclass(frozen=True)
class RowReader:
    """Which columns hold what, and what makes a text unusable.

    Attributes:
        text_column: the column (or JSON key) of the report.
        id_column: the column of its id.
        problem: says why a text cannot be used, or returns an empty string.
        recode: repairs text with bytes that were not UTF-8; returns it with a remark.
        source: name of the input, for messages.
    """

    text_column: str
    id_column: str
    problem: Callable[[str], str]
    recode: Callable[[str], tuple[str, str]]
    source: str

    def read(self, lines: Iterable[str], kind: str) -> Iterator[ReportRow | RejectedRow]:
        """Read an open text stream (opened with `newline=""`), without holding more than a row.

        Args:
            lines: the stream.
            kind: one of `FORMATS`.

        Raises:
            UserError: there is no header, or it lacks a column.
        """
        rows = self._json_rows(lines) if kind == "jsonl" else self._table_rows(lines, "\t" if kind == "tsv" else ",")
        for number, values, problem in rows:
            yield RejectedRow(number, "", problem) if values is None else self._row(number, values)

    def _row(self, number: int, values: Values) -> ReportRow | RejectedRow:
        report_id = self.recode(_text(values.get(self.id_column)))[0].strip()
        if not report_id:
            return RejectedRow(number, "", f"the id is missing (column '{self.id_column}')")
        if self.text_column not in values:
            return RejectedRow(number, report_id, f"the report is missing (column '{self.text_column}')")
        value = values[self.text_column]
        if value is not None and not isinstance(value, str | int | float):
            return RejectedRow(number, report_id, f"the report is not text but {type(value).__name__}")
        text = self.recode(_text(value))[0]
        problem = self.problem(text)
        return RejectedRow(number, report_id, problem) if problem else ReportRow(report_id, text)

    def _table_rows(self, lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, Values | None, str]]:
        rows = table_rows(lines, delimiter)
        first = next(rows, [])
        if isinstance(first, str):
            raise UserError(f"{self.source}: its header is {first}")
        header = [name.strip() for name in first]
        self._check_header(header)
        number = 0
        for fields in rows:
            number += 1
            if isinstance(fields, str):
                yield number, None, fields
            elif not any(field.strip() for field in fields):
                number -= 1
            elif len(fields) != len(header):
                yield number, None, f"{len(fields)} fields, but the header has {len(header)}"
            else:
                yield number, dict(zip(header, fields, strict=True)), ""

    def _check_header(self, header: list[str]) -> None:
        if not any(header):
            raise UserError(f"{self.source} is empty: it needs a header line that names its columns")
        for option, column in (("--text-column", self.text_column), ("--id-column", self.id_column)):
            if column not in header:
                close = difflib.get_close_matches(column, header, 1)
                hint = f"; did you mean '{close[0]}'" if close else ""
                columns = ", ".join(header)
                raise UserError(
                    f"{self.source} has no column '{column}'{hint}; name it with {option} (columns: {columns})"
                )

    def _json_rows(self, lines: Iterable[str]) -> Iterator[tuple[int, Values | None, str]]:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, None, f"not JSON ({error})"
                continue
            if isinstance(values, dict):
                yield number, values, ""
            else:
                yield number, None, f"not a JSON object but {type(values).__name__}"


def _text(value: Any) -> str:
    """A cell as text; empty for None and NaN. Identifiers that were read as floats (`12.0`) lose the `.0`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
