"""`mosmos_pretrain tags`: organ tags of reports, one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from pretraining.errors import UserError

if TYPE_CHECKING:
    from pretraining.tags.report_files import RejectedRow, ReportRow
    from pretraining.tags.vocabulary import Vocabulary

logger = logging.getLogger(__name__)

_STANDARD = "-"
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    input: str | None = None
    """Table of reports: CSV, TSV or JSONL; `-` is standard input."""
    output: str = _STANDARD
    """Where to write one object a line, `{"id", "tags", "regions"}`; `-` is standard output."""
    text_column: str = "report"
    """Column (or JSON key) of the report."""
    id_column: str = "id"
    """Column (or JSON key) of its id."""
    format: Literal["csv", "tsv", "jsonl"] | None = None
    """Format of the input; by its extension when omitted."""
    explain: bool = False
    """Add for every tag the spans and rules that decided."""
    rejects: Path | None = None
    """List of the rows that were not taken, with the reason; beside the output when omitted, and on standard error when
    the output is standard output."""
    workers: int = 0
    """Processes; 0 is one for each core."""
    vocabulary: Path | None = None
    """Tag vocabulary; with `extends: en` in it, it extends the packaged one, else it replaces it."""
    check_vocabulary: bool = False
    """Only check the vocabulary (duplicates, unreachable terms, circular parents); exit code 1 when there are any."""


def run(options: Options) -> int:
    """Mine the reports of a table, or check the vocabulary."""
    from pretraining.tags.vocabulary import load_vocabulary

    vocabulary = load_vocabulary(options.vocabulary)
    if options.check_vocabulary:
        return _check(vocabulary)
    if options.input is None:
        raise UserError("no reports: name a table with --input FILE, or read standard input with --input -")
    if options.workers < 0:
        raise UserError(f"--workers is {options.workers}; give the number of processes, or 0 for one each core")
    _check_files(options)
    with ExitStack() as stack:
        # The header is read, and a wrong column reported, before any output file appears.
        rows = _rows(options.input, options, stack)
        rejects = _rejects_path(options)
        reject = stack.enter_context(_reject_writer(rejects))
        output = stack.enter_context(_output(options.output))
        counts = _mine(rows, vocabulary, options, output, reject)
    logger.info(
        "%d rows: %d reports mined, %d of them without any tag; %d rows rejected%s",
        *(sum(counts[:2]), *counts[:1], counts[2], counts[1]),
        f" (see {rejects})" if counts[1] and rejects is not None else "",
    )
    return 0


def _check(vocabulary: Vocabulary) -> int:
    from pretraining.tags.check import check_vocabulary

    problems = check_vocabulary(vocabulary)
    for problem in problems:
        print(problem)
    print(f"{len(vocabulary)} tags, {len(problems)} problems")
    return 1 if problems else 0


def _mine(
    rows: Iterator[ReportRow | RejectedRow],
    vocabulary: Vocabulary,
    options: Options,
    output: IO[str],
    reject: Callable[[RejectedRow], object],
) -> tuple[int, int, int]:
    """Write every row's object; returns the numbers of mined and of rejected rows, and of reports without any tag."""
    from tqdm import tqdm

    from pretraining.tags.parallel import mine_lines
    from pretraining.tags.report_files import RejectedRow

    mined = rejected = untagged = 0
    lines = mine_lines(rows, vocabulary, options.explain, options.workers or _cores())
    for line in tqdm(lines, desc="reports", unit=" reports", file=sys.stderr, disable=None):
        if isinstance(line, RejectedRow):
            rejected += 1
            reject(line)
            continue
        mined += 1
        untagged += not line["tags"]
        output.write(json.dumps(line, ensure_ascii=False) + "\n")
    return mined, rejected, untagged


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _rows(name: str, options: Options, stack: ExitStack) -> Iterator[ReportRow | RejectedRow]:
    """The rows of the input; the first one is already read, and with it the header checked."""
    from pretraining.studies.readers.rows import recoded
    from pretraining.studies.report_checks import report_problem
    from pretraining.tags.report_files import RowReader

    kind = options.format or _SUFFIXES.get(Path(name).suffix.lower())
    if kind is None:
        raise UserError(f"the format of {name} cannot be told from its name; give --format csv, tsv or jsonl")
    reader = RowReader(options.text_column, options.id_column, report_problem, recoded, name)
    rows = reader.read(stack.enter_context(_input(name)), kind)
    first = next(rows, None)

    def again() -> Iterator[ReportRow | RejectedRow]:
        if first is not None:
            yield first
            yield from rows

    return again()


@contextmanager
def _input(name: str) -> Iterator[IO[str]]:
    # Bytes that are not UTF-8 survive as surrogates and are repaired row by row.
    if name == _STANDARD:
        yield io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape", newline="")
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(name).open(encoding="utf-8-sig", errors="surrogateescape", newline=""))
        except OSError as error:
            raise UserError(
                f"cannot read {name}: {error.strerror}; give the path of a CSV, TSV or JSONL file"
            ) from error
        yield stream


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    """A text file that appears whole, or not at all."""
    from pretraining.studies.atomic import atomic_path

    with ExitStack() as stack:
        try:
            temporary = stack.enter_context(atomic_path(path))
            stream = stack.enter_context(temporary.open("w", encoding="utf-8", errors="replace", newline="\n"))
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; give a path that can be written") from error
        yield stream


@contextmanager
def _output(name: str) -> Iterator[IO[str]]:
    if name == _STANDARD:
        yield sys.stdout
        sys.stdout.flush()
        return
    with _written(Path(name)) as stream:
        yield stream


def _rejects_path(options: Options) -> Path | None:
    if options.rejects is not None or options.output == _STANDARD:
        return options.rejects
    output = Path(options.output)
    return output.with_name(f"{output.stem}.rejects.csv")


def _check_files(options: Options) -> None:
    """Refuse to write one file over another."""
    named = {"--input": options.input, "--output": options.output, "--rejects": _rejects_path(options)}
    seen: dict[Path, str] = {}
    for option, name in named.items():
        if name is None or name == _STANDARD:
            continue
        other = seen.setdefault(Path(name).resolve(), option)
        if other != option:
            raise UserError(f"{other} and {option} are the same file, {name}; name another one with {option}")


@contextmanager
def _reject_writer(path: Path | None) -> Iterator[Callable[[RejectedRow], object]]:
    """Writes rejected rows to a file, or without one to standard error."""
    if path is None:
        yield lambda row: logger.warning("row %d%s: %s", row.row, f" ({row.id})" if row.id else "", row.reason)
        return
    with _written(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("row", "id", "reason"))
        yield writer.writerow
