"""What every benchmark leaves: one table, printed last, and a JSON file that says what was run, where and with what.

A benchmark is `python -m benchmarks.NAME [--quick] [--json FILE]`; `python -m benchmarks.summary` joins the files.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from pretraining.training.run_folder import versions

Cell = str | float | int | None

NOT_RUN = "not run"
"""In a table's cell."""
LIBRARIES = ("torch", "nnunetv2", "transformers", "monai", "batchgeneratorsv2", "blosc2", "numpy")
CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_DATA = CHECKOUT.parent / "shared" / "data"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a benchmark found.

    Attributes:
        benchmark: the module's name.
        title: one line that stands above the table.
        columns: the table's head.
        rows: the table; numbers are shown with three digits, None as a dash.
        seeds: of everything random.
        notes: sentences that stand below the table.
        figures: what programs read; any JSON types.
    """

    benchmark: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    seeds: Sequence[int] = (0,)
    notes: Sequence[str] = ()
    figures: dict[str, Any] = field(default_factory=dict)


def conclude(outcome: Outcome, *, quick: bool, file: Path | None) -> None:
    """Print the table and write the JSON file.

    Args:
        outcome: what was found.
        quick: whether the run was a short one, which proves nothing.
        file: where to write; None for nowhere.
    """
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(describe(outcome, quick), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\n{outcome.title}{' (--quick: shows that it runs, no more)' if quick else ''}\n")
    print(markdown_table(outcome.columns, outcome.rows))
    for note in outcome.notes:
        print(note)


def describe(outcome: Outcome, quick: bool) -> dict[str, Any]:
    """The JSON file's content."""
    return {
        **asdict(outcome),
        "quick": quick,
        "command": command(outcome.benchmark, sys.argv[1:]),
        "commit": commit(),
        "machine": machine(),
        "versions": versions(LIBRARIES),
    }


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that reads well as it is, and on a page."""
    lines = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    text = ["| " + " | ".join(f"{value:<{w}}" for value, w in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *text[1:]])


def cell(value: Cell) -> str:
    """A table's cell."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def command(benchmark: str, arguments: Sequence[str]) -> str:
    """The command, with the names of files instead of their places on this machine."""
    shown = []
    for word in arguments:
        option, equals, value = word.rpartition("=")
        shown.append(option + equals + (Path(value).name if Path(value).is_absolute() else value))
    return " ".join([f"python -m benchmarks.{benchmark}", *shown])


def commit() -> str:
    """The checkout's commit, `+changes` where files differ from it, `unknown` outside a repository."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(CHECKOUT), *words], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    return (git("rev-parse", "HEAD") + ("+changes" if git("status", "--porcelain", "-uno") else "")) or "unknown"


def machine() -> dict[str, Any]:
    """What a figure depends on; no name, no path."""
    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "gpus": gpus,
        "system": platform.system(),
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
