"""Joins the benchmarks' JSON files into a section of Markdown.

    python -m benchmarks.summary FOLDER
    python -m benchmarks.summary FOLDER --readme README.md

With `--readme`, the section replaces what stands between the two marker lines of that file.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from benchmarks.record import markdown_table
from pretraining.errors import UserError

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


@dataclass(frozen=True)
class Options:
    """Options of the summary."""

    folder: Annotated[Path, tyro.conf.Positional]
    """Folder of the JSON files that benchmarks wrote with --json."""
    readme: Path | None = None
    """File to put the section into, between its markers; printed when omitted."""


def section(folder: Path) -> str:
    """The Markdown of all results in a folder, in the order of their files' names.

    Raises:
        UserError: the folder holds no results, or a file that is none.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise UserError(f"{folder} holds no results: run `python -m benchmarks.NAME --json {folder}/NAME.json` first")
    return "\n\n".join(_result(file) for file in files)


def _result(file: Path) -> str:
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        machine = found["machine"]
        where = [machine["processor"], f"{machine['cores']} cores", f"{machine['memory_gib']} GiB", *machine["gpus"]]
        caption = (
            f"`{found['command']}`; {', '.join(where)}; torch {found['versions']['torch']}; {found['commit'][:10]}"
        )
        parts = [f"**{found['title']}**", markdown_table(found["columns"], found["rows"]), *found["notes"], caption]
        if found["quick"]:
            parts.insert(1, "A `--quick` run: it shows that the benchmark runs, no more.")
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{file} is not what a benchmark writes ({error!r}): run it again, or move the file") from error
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
    """Print the section, or put it into a file."""
    try:
        text = section(options.folder)
        if options.readme is None:
            print(text)
        else:
            replace_section(options.readme, text)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
