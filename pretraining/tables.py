"""Rows of CSV and TSV tables, one at a time; a stray quote does not cost the rows after its own."""

from __future__ import annotations

import csv
import sys
from collections import deque
from collections.abc import Iterable, Iterator

_REASON = "not a row of the table ({}); close the quotes around a cell, and double those inside it"


def table_rows(lines: Iterable[str], delimiter: str) -> Iterator[list[str] | str]:
    """The cells of every row, the header's included, or what is wrong with a row.

    What a quote swallows that is not closed, or not the end of its cell, is read anew from the next line on. The line
    itself cannot be used; in a table with tabs, which are often written without quoting, it is read as it stands.

    Args:
        lines: of a text stream opened with `newline=""`.
        delimiter: comma or tab.
    """
    # A report is longer than csv's limit of 131,072 characters once in a while.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    # NUL bytes (a file cut by a crash) would stop csv.
    source = (line.replace("\0", "") for line in lines)
    waiting: deque[str] = deque()
    taken: list[str] = []

    def take() -> Iterator[str]:
        while (line := waiting.popleft() if waiting else next(source, None)) is not None:
            taken.append(line)
            yield line

    reader = csv.reader(take(), delimiter=delimiter, strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader)
            if delimiter != "\t" or len(taken) == 1 or not any("\t" in cell for cell in cells):
                yield cells
                continue
            problem = "a cell with tabs and line ends"
        except StopIteration:
            return
        except csv.Error as error:
            problem = str(error)
        waiting.extendleft(reversed(taken[1:]))
        reader = csv.reader(take(), delimiter=delimiter, strict=True)
        yield taken[0].rstrip("\r\n").split("\t") if delimiter == "\t" else _REASON.format(problem)
