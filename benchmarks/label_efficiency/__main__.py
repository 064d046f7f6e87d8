"""How many labelled cases pretraining on reports saves: on synthetic patients, and on a small real data set.

    python -m benchmarks.label_efficiency --split reserved --workers 2 --archive cells.jsonl --json results/core.json
    python -m benchmarks.label_efficiency --split reserved --everything --families 2d --cases 1
    python -m benchmarks.label_efficiency --schedule-factor 2 --arms scratch both
    python -m benchmarks.label_efficiency --interventions --workers 2
    python -m benchmarks.label_efficiency --task hippocampus --workers 2
    python -m benchmarks.label_efficiency --list

The first command runs the required core, the second a part of the rest, the third shows whether the schedule has
converged, the fourth what was tried to make the method better (FINDINGS.md), the fifth is on real images, the last one
tells what is left to do.

Encoders are pretrained on image-report pairs of synthetic patients, once a seed and objective, and shared by all
finetunings, the cells. A cell trains on a few labelled cases with nnU-Net's own loop, data loading, augmentation and
final validation, with one schedule for all arms, and leaves a JSON file. The same command goes on where it was stopped
and ends with a table a configuration, in which cells that have not run are said to be so.

Choices are made on `--split development`. Then nothing is changed any more, and `reserved` (other seeds, hence other
patients, other labelled cases, other initial weights) and `shifted` (the labelled cases come from noisier scanners than
the pretraining's) are run once.

A cell of 2d took 105 CPU-seconds on a slow machine with two busy cores, hence the core's 2d part some 11 CPU-hours;
`--list` goes by what `--output` has measured since. Such a run is done in parts: with `--archive FILE`, finished cells
go along to the next folder or machine.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro

from benchmarks.label_efficiency.archive import pack, unpack
from benchmarks.label_efficiency.cells import Cell, Choice, planned
from benchmarks.label_efficiency.design import ARMS, FAMILIES, QUICK, TASKS, FamilyName, Size, SplitName, TaskName
from benchmarks.label_efficiency.folders import Folders, open_folder, variables
from benchmarks.label_efficiency.localization import localization_outcome
from benchmarks.label_efficiency.report import interventions_outcome, outcomes
from benchmarks.label_efficiency.work import ONE_THREAD, carry_out, missing, read_ledger
from benchmarks.record import Outcome, conclude, markdown_table
from pretraining.errors import UserError

QUICK_CHOICE = Choice("development", True, 1, ("2d",), ("scratch", "both", "self"), (2,), (0,), (0,))


@dataclass(frozen=True)
class Options:
    """Options of the benchmark; filters take everything where they are empty."""

    output: Path = Path("label_efficiency")
    """Folder for everything; an earlier run of the same sizes goes on there."""
    task: TaskName = "organs"
    """What is segmented: organs of the abdomen, tumors and hemorrhages of the brain, or real hippocampi of
    `../shared/data` after pretraining on its VQA-RAD. Each has an --output."""
    split: SplitName = "development"
    """Seeds: `development` to choose on, `reserved` and `shifted` to report once."""
    everything: bool = False
    """Plan the whole grid instead of the required core."""
    interventions: bool = False
    """Plan what was tried to make the method better, and ceilings, instead (FINDINGS.md); in 2d. --arms and seeds
    choose of it."""
    families: tuple[FamilyName, ...] = ()
    """Which networks."""
    arms: tuple[str, ...] = ()
    """Which arms, by their names in `design.ARMS`."""
    cases: tuple[int, ...] = ()
    """Which numbers of labelled cases."""
    pretraining_seeds: tuple[int, ...] = ()
    """Which pretraining seeds, counted from 0."""
    finetuning_seeds: tuple[int, ...] = ()
    """Which finetuning seeds, counted from 0."""
    schedule_factor: Literal[1, 2] = 1
    """Train so many times as long: 2 beside 1 shows whether the schedule has converged."""
    workers: int = 1
    """Processes, of one thread each."""
    budget: float | None = None
    """CPU-hours; no job is begun that would exceed them."""
    list: bool = False
    """Only show what is planned and how long it will take."""
    quick: bool = False
    """Three arms on tiny sizes: shows that it runs. Neither the task nor the filters apply."""
    archive: Path | None = None
    """File of finished cells: those of another folder or machine are not run again, and this call adds its own."""
    json: Path | None = None
    """Where to write what was found; a file a configuration, whose name it ends."""


def main(options: Options) -> int:
    """Run what is missing, and show the tables."""
    size = QUICK if options.quick else TASKS[options.task]
    try:
        cells = planned(QUICK_CHOICE if options.quick else _choice(options, size))
        folders = open_folder(options.output, size)
        if options.archive is not None:
            unpack(options.archive, folders, size)
        if options.list:
            _list(folders, cells)
            return 0
        budget = None if options.budget is None else 3600 * options.budget
        with variables(ONE_THREAD):
            done = carry_out(cells, folders, size, options.workers, budget, read_ledger(folders))
        if options.archive is not None:
            pack(options.archive, folders, size)
        # Real labels tell which cases have which; they may have gone since the cells ran.
        tables = list(_outcomes(options, folders, size, cells))
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    for name, outcome in tables:
        file = (
            options.json.with_stem(f"{options.json.stem}_{size.task}_{cells[0].split}_{name}") if options.json else None
        )
        conclude(outcome, quick=options.quick, file=file)
    return 0 if done else 3


def _outcomes(options: Options, folders: Folders, size: Size, cells: Sequence[Cell]) -> Iterator[tuple[str, Outcome]]:
    """The tables, with the ends of their files' names."""
    split = cells[0].split
    families = dict.fromkeys(cell.family for cell in cells)
    if options.interventions:
        yield "interventions", interventions_outcome(folders, size, split, options.cases, options.arms)
    else:
        shown = (QUICK_CHOICE.cases, QUICK_CHOICE.arms) if options.quick else ()
        yield from zip(families, outcomes(folders, size, split, families, *shown), strict=True)
    for family in families if size.real is None else ():
        if (where := localization_outcome(folders, size, split, family)).rows:
            yield f"{family}_localization", where


def _choice(options: Options, size: Size) -> Choice:
    """The filters, within what the task has data for."""
    families, cases = options.families or size.families, options.cases or size.cases
    if not set(families) <= set(size.families) or not set(cases) <= set(size.cases):
        has = f"--families {' '.join(size.families)} and --cases {' '.join(map(str, size.cases))}"
        raise UserError(f"--task {size.task} has data for {has}")
    if options.interventions and set(families) != {"2d"} and options.families:
        raise UserError("--interventions are of 2d: leave --families out")
    known = ARMS if options.interventions else dict.fromkeys(arm for name in families for arm in FAMILIES[name].arms)
    if unknown := [arm for arm in options.arms if arm not in known]:
        raise UserError(f"--arms: {', '.join(unknown)} is not among {', '.join(known)}")
    return Choice(
        options.split,
        options.everything,
        options.schedule_factor,
        families,
        options.arms,
        cases,
        options.pretraining_seeds,
        options.finetuning_seeds,
        options.interventions,
    )


def _list(folders: Folders, cells: Sequence[Cell]) -> None:
    """Planned jobs by kind, how many are left, and the time that these will take."""
    ledger, left = read_ledger(folders), missing(folders, cells)
    rows: list[tuple[str | int | float | None, ...]] = []
    for kind in dict.fromkeys(job.kind for job in left):
        jobs = [job for job in left if job.kind == kind]
        seconds = ledger.estimate(jobs[0])
        measured = len(ledger.measured.get(kind, ()))
        rows.append((kind, len(jobs), round(seconds), measured or "a guess", round(len(jobs) * seconds / 3600, 2)))
    rows.append(("all", len(left), None, None, round(sum(ledger.estimate(job) for job in left) / 3600, 2)))
    print(markdown_table(("kind", "jobs left", "CPU seconds each", "measured on", "CPU-hours"), rows))
    print(
        f"{len(cells)} cells are planned, {len(cells) - sum(isinstance(job, Cell) for job in left)} of them are done."
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main(tyro.cli(Options, prog="python -m benchmarks.label_efficiency", description=__doc__)))
