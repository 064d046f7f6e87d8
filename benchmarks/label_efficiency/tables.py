"""Fills the tables of a page from the JSON files of results, so that no figure is copied by hand.

    python -m benchmarks.label_efficiency.tables benchmarks/FINDINGS.md --results benchmarks/results

A table stands between two lines; the first says which file, numbers of labelled cases and arms it shows, and which arms
these are compared with:

    <!-- table: FILE.json; cases 4 16; arms scratch both; minus scratch -->
    <!-- end of table -->
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.label_efficiency.design import ARMS
from benchmarks.label_efficiency.report import figure_name, interval
from benchmarks.label_efficiency.statistics import Estimate
from benchmarks.record import markdown_table
from pretraining.errors import UserError

BLOCK = re.compile(
    r"(?P<head><!-- table: (?P<file>\S+); cases (?P<cases>[^;]+); arms (?P<arms>[^;]+); minus (?P<minus>.+?) -->\n)"
    r".*?(?P<end><!-- end of table -->)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    page: Annotated[Path, tyro.conf.Positional]
    """Markdown file whose tables are filled."""
    results: Path
    """Folder of the JSON files."""


def fill(text: str, results: Path) -> str:
    """A page with its tables as the results have them.

    Args:
        text: of the page.
        results: folder of the JSON files.

    Raises:
        UserError: a file or an arm is not there.
    """

    def table(block: re.Match[str]) -> str:
        cases, arms, minus = (block[name].split() for name in ("cases", "arms", "minus"))
        figures = _figures(results / block["file"], cases, arms)
        return block["head"] + _table(figures, cases, arms, minus) + "\n" + block["end"]

    return BLOCK.sub(table, text)


def _figures(file: Path, cases: Sequence[str], arms: Sequence[str]) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        raise UserError(f"{file} is missing: run `python -m benchmarks.label_efficiency --json ...` first")
    figures: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["figures"]
    for number in cases:
        for arm in arms:
            if figures.get(figure_name(number, arm)) is None:
                raise UserError(f"{file} has no figures of {arm} with {number} cases: run it, or correct the table")
    return figures


def _table(figures: dict[str, dict[str, Any]], cases: Sequence[str], arms: Sequence[str], minus: Sequence[str]) -> str:
    """One number of cases with all that is known; several beside one another, Dice without intervals."""
    several = len(cases) > 1
    columns = ["what"]
    rows: list[list[str | int | None]] = [[ARMS[arm].title] for arm in arms]
    for number in cases:
        columns += [f"{number} cases"] if several else ["cells", "Dice [95 %]"]
        columns += [f"− {ARMS[reference].title}" for reference in minus]
        for row, arm in zip(rows, arms, strict=True):
            found = figures[figure_name(number, arm)]
            dice = Estimate(**found["dice"])
            row += [f"{dice.mean:.3f}"] if several else [found["cells"], interval(dice, signed=False)]
            differences = (found["minus"].get(reference) for reference in minus)
            row += [one and interval(Estimate(**one), signed=True) for one in differences]
    return markdown_table(columns, rows)


def main(options: Options) -> int:
    """Fill a page's tables."""
    try:
        text = options.page.read_text(encoding="utf-8")
        options.page.write_text(fill(text, options.results), encoding="utf-8")
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, prog="python -m benchmarks.label_efficiency.tables", description=__doc__)))
