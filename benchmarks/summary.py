"""Joins the benchmarks' JSON files into a section of Markdown.

    python -m benchmarks.summary FOLDER
    python -m benchmarks.summary benchmarks/results bench_output --readme README.md --page benchmarks/RESULTS.md

A `--quick` result is shown only where none of the folders has a full one of the same benchmark. `--readme` puts the
tables between the two marker lines of that file, without what has not been run; `--page` writes all of it, with notes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.record import NOT_RUN, markdown_table
from pretraining.errors import UserError

PAGE_HEAD = """# Results

Written by `make bench` from `benchmarks/results`; what it means stands in [FINDINGS.md](FINDINGS.md)."""
BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


@dataclass(frozen=True)
class Options:
    """Options of the summary."""

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Folders of the JSON files that benchmarks wrote with --json; those that do not exist hold none."""
    readme: Path | None = None
    """File to put the tables into, between its markers."""
    page: Path | None = None
    """File to write everything into; printed when both are omitted."""


def section(*folders: Path, brief: bool = False) -> str:
    """The Markdown of all results in the folders, in the order of their files' names.

    Args:
        folders: of the JSON files.
        brief: without notes, and rows of what has not been run.

    Raises:
        UserError: the folders hold no results, or a file that is none.
    """
    files = sorted((file for folder in folders for file in folder.glob("*.json")), key=lambda file: file.name)
    if not files:
        names = ", ".join(map(str, folders))
        raise UserError(f"no results in {names}: run `python -m benchmarks.NAME --json FOLDER/NAME.json` first")
    results = [_read(file, brief) for file in files]
    full = {result.benchmark for result in results if not result.quick}
    return "\n\n".join(result.text for result in results if not result.quick or result.benchmark not in full)


@dataclass(frozen=True)
class _Result:
    benchmark: str
    quick: bool
    text: str


def _read(file: Path, brief: bool) -> _Result:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return _Result(found["benchmark"], found["quick"], _markdown(found, brief))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} is not what a benchmark writes ({error!r}): run it again, or move the file") from error


def _markdown(found: dict[str, Any], brief: bool) -> str:
    machine = found["machine"]
    where = [machine["processor"], f"{machine['cores']} cores", f"{machine['memory_gib']} GiB", *machine["gpus"]]
    caption = f"`{found['command']}`; {', '.join(where)}; torch {found['versions']['torch']}; {found['commit'][:10]}"
    rows = [row for row in found["rows"] if not brief or NOT_RUN not in row]
    notes = () if brief else found["notes"]
    parts = [f"**{found['title']}**", markdown_table(found["columns"], rows), *notes, caption]
    if found["quick"]:
        parts.insert(1, "A `--quick` run: it shows that the benchmark runs, no more.")
    return "\n\n".join(parts)


def replace_section(file: Path, text: str) -> None:
    """Put text between a file's markers.

    Raises:
        UserError: the file has not both markers, once each, in order.
    """
    content = file.read_text(encoding="utf-8")
    before, begin, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise UserError(f"{file} needs the lines '{BEGIN}' and '{END}', once each, to put the results between them")
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main(options: Options) -> int:
    """Print the section, or put it into files."""
    try:
        text = section(*options.folders)
        if options.page is not None:
            options.page.write_text(f"{PAGE_HEAD}\n\n{text}\n", encoding="utf-8")
        if options.readme is not None:
            replace_section(options.readme, section(*options.folders, brief=True))
        if options.page is None and options.readme is None:
            print(text)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
