"""From the cells' files to one table a configuration; what has not run is there, too, and says so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.label_efficiency.cells import Cell, planned_number
from benchmarks.label_efficiency.design import (
    ARMS,
    FAMILIES,
    FINETUNING_SEEDS,
    INTERVENTION_CASES,
    PRETRAINING_SEEDS,
    REFERENCES,
    SPLITS,
    Size,
    Split,
)
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.notes import (
    convergence_notes,
    false_positive_notes,
    map_notes,
    origin_notes,
    sequence_notes,
)
from benchmarks.label_efficiency.records import Records, Truth, truth_of
from benchmarks.label_efficiency.statistics import (
    Estimate,
    Scores,
    Summary,
    paired_difference,
    summarize,
)
from benchmarks.record import NOT_RUN, Outcome
from benchmarks.record import Cell as TableCell

COLUMNS = ("cases", "arm", "cells", "Dice [95 %]", "sd finetuning", "sd pretraining", "collapsed organs")


@dataclass(frozen=True)
class Plan:
    """What a table shows.

    Attributes:
        numbers: of labelled cases. arms: the rows of each. references: arms that the others are compared with.
        planned: how many cells are planned that differ from one in their seeds alone.
    """

    title: str
    family: str
    numbers: Sequence[int]
    arms: Sequence[str]
    references: Sequence[str]
    planned: Callable[[Cell], int]


def outcomes(
    folders: Folders,
    size: Size,
    split: str,
    families: Iterable[str],
    numbers: Sequence[int] = (),
    arms: Sequence[str] = (),
) -> list[Outcome]:
    """One table a family.

    Args:
        folders: where the cells' files are.
        size: of everything.
        split: of the seeds.
        families: which tables.
        numbers: of labelled cases; all that there is data for when omitted.
        arms: rows; all of a family when omitted.
    """
    plans = [
        Plan(
            f"Label efficiency, {family}",
            family,
            numbers or size.cases,
            arms or FAMILIES[family].arms,
            REFERENCES,
            planned_number,
        )
        for family in families
    ]
    records = Records(folders, truth_of(size, split))
    return [_outcome(records, size, split, plan) for plan in plans]


def interventions_outcome(
    folders: Folders, size: Size, split: str, numbers: Sequence[int] = (), arms: Sequence[str] = ()
) -> Outcome:
    """The table of what was tried; see `outcomes`."""
    numbers, arms = numbers or INTERVENTION_CASES, arms or tuple(ARMS)
    references = tuple(arm for arm in ("scratch", "scratch_longer", "both", "self_images") if arm in arms)
    plan = Plan("Interventions, 2d", "2d", numbers, arms, references, lambda cell: PRETRAINING_SEEDS)
    return _outcome(Records(folders, truth_of(size, split), pairs=True), size, split, plan)


def _outcome(records: Records, size: Size, split: str, plan: Plan) -> Outcome:
    rows: list[Sequence[TableCell]] = []
    figures: dict[str, Any] = {}
    columns = (*COLUMNS, *(f"− {ARMS[reference].title}" for reference in plan.references))
    for cases in plan.numbers:
        cells = {arm: Cell(split, plan.family, arm, cases, 0, 0) for arm in plan.arms}
        scores = {arm: records.arm_scores(cell) for arm, cell in cells.items()}
        if all(np.isnan(found).all() for found in scores.values()):
            planned = sum(map(plan.planned, cells.values()))
            rows.append((cases, "all", f"0 of {planned}", NOT_RUN, *(None for _ in columns[4:])))
            continue
        for arm, cell in cells.items():
            row, figure = _row(cell, scores, plan)
            rows.append(row)
            figures[figure_name(cases, arm)] = figure
    return Outcome(
        benchmark="label_efficiency",
        title=f"{plan.title}, {size.task}, {split} seeds",
        columns=columns,
        rows=rows,
        seeds=_seeds(SPLITS[split]),
        notes=[
            f"Dice of {size.held_out} held-out cases, where they have the label: {_counts(records.truth)}. Differences "
            "are paired by seeds, labelled cases and held-out cases.",
            *origin_notes(records, split, plan.family, plan.arms),
            *false_positive_notes(records, split, plan.family, plan.arms),
            *convergence_notes(records, split, plan.family, plan.arms),
            *map_notes(records, split, plan.family, plan.arms),
            *sequence_notes(records, size, split, plan.family, plan.arms),
        ],
        figures=figures,
    )


def _seeds(split: Split) -> list[int]:
    return [
        split.labelled,
        *range(split.pretraining, split.pretraining + PRETRAINING_SEEDS),
        *range(split.finetuning, split.finetuning + FINETUNING_SEEDS),
    ]


def _counts(truth: Truth) -> str:
    """How many held-out cases have each label."""
    counts = zip(truth.organs, truth.present.sum(0), strict=True)
    return ", ".join(f"{organ} {count}" for organ, count in counts)


def _row(of: Cell, scores: Mapping[str, Scores], plan: Plan) -> tuple[Sequence[TableCell], dict[str, Any] | None]:
    cases, arm, found = of.cases, of.arm, scores[of.arm]
    if np.isnan(found).all():
        rest = len(COLUMNS) - 4 + len(plan.references)
        return (cases, ARMS[arm].title, f"0 of {plan.planned(of)}", NOT_RUN, *(None for _ in range(rest))), None
    summary = summarize(found)
    differences = {
        reference: paired_difference(found, scores[reference])
        for reference in plan.references
        # An arm that no pretraining enters has no partner among the pretraining seeds of another.
        if reference in scores and reference != arm and len(scores[reference]) in (1, len(found))
    }
    row = (
        cases,
        ARMS[arm].title,
        f"{summary.cells} of {plan.planned(of)}",
        interval(summary.dice, signed=False),
        _rounded(summary.finetuning_sd),
        _rounded(summary.pretraining_sd),
        f"{summary.collapsed:.1f}",
        *(interval(differences.get(reference), signed=True) for reference in plan.references),
    )
    return row, _figure(summary, differences)


def _figure(summary: Summary, differences: Mapping[str, Estimate | None]) -> dict[str, Any]:
    plain = {**asdict(summary), "minus": {name: asdict(one) for name, one in differences.items() if one is not None}}
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in plain.items()}


def figure_name(cases: int | str, arm: str) -> str:
    """Of an arm's entry among an outcome's figures."""
    return f"n={cases} {arm}"


def interval(estimate: Estimate | None, signed: bool) -> str | None:
    """A mean with its interval as a table shows it; `signed` for differences."""
    if estimate is None:
        return None
    sign = "+" if signed else ""
    return f"{estimate.mean:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


def _rounded(value: float) -> str | None:
    return None if math.isnan(value) else f"{value:.3f}"
