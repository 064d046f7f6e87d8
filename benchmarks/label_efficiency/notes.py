"""Sentences below a table: where cells ran, made-up labels, convergence, what maps are worth, which cases fail."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.label_efficiency.cells import Cell
from benchmarks.label_efficiency.design import ARMS, CASES, Size
from benchmarks.label_efficiency.patients import sequences
from benchmarks.label_efficiency.records import Records
from benchmarks.label_efficiency.statistics import cell_scores, mean_of


def origin_notes(records: Records, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """The commits that the cells ran at, which need not be that of the table."""
    ran = [
        record.get("commit", "unknown")[:10]
        for cases in CASES
        for arm in arms
        for _, record in records.finished(Cell(split, family, arm, cases, 0, 0))
    ]
    told = ", ".join(f"{commit} ({count})" for commit, count in Counter(ran).most_common())
    return [f"Cells ran at commit {told}."] if ran else []


def false_positive_notes(records: Records, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """How often every arm finds a label in a case that lacks it, which Dice says nothing of."""
    lacking = int((~records.truth.present).sum())
    notes = []
    for cases in CASES if lacking else ():
        found = []
        for arm in arms:
            count = mean_of(records.false_positives(Cell(split, family, arm, cases, 0, 0)))
            if np.isfinite(count):
                found.append(f"{ARMS[arm].title} {count:.1f}")
        if found:
            notes.append(
                f"With {cases} cases, labels found of the {lacking} that held-out cases lack: {', '.join(found)}."
            )
    return notes


def convergence_notes(records: Records, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """How much twice the schedule changes Dice, for every arm of which cells have run with both."""
    notes = []
    for cases in CASES:
        changes = []
        for arm in arms:
            once, twice = (
                cell_scores(records.arm_scores(Cell(split, family, arm, cases, 0, 0, times))) for times in (1, 2)
            )
            pairs = int(np.isfinite(twice - once).sum())
            if pairs:
                changes.append(f"{ARMS[arm].title} {float(mean_of(twice - once)):+.3f} (n={pairs})")
        if changes:
            notes.append(f"Twice the schedule with {cases} cases changes Dice by: {', '.join(changes)}.")
    return notes


def _comparable(
    records: Records, split: str, family: str, arms: Sequence[str], cases: int
) -> dict[str, list[dict[str, Any]]]:
    """Records of the arms that have run with as many finetuning seeds as any: means of others are of other cases."""
    ran = {arm: list(records.finished(Cell(split, family, arm, cases, 0, 0))) for arm in arms}
    seeds = {arm: {cell.finetuning for cell, _ in found} for arm, found in ran.items()}
    most = max(map(len, seeds.values()), default=0)
    return {arm: [record for _, record in found] for arm, found in ran.items() if found and len(seeds[arm]) == most}


def map_notes(records: Records, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """How much zeroed and shuffled maps change Dice, for every arm with maps."""
    notes = []
    for cases in CASES:
        changes = []
        for arm, ran in _comparable(records, split, family, arms, cases).items():
            effects = [record["map_effect"]["change"] for record in ran if record["map_effect"]]
            if effects:
                words = (f"{name} {np.mean([effect[name]['mean'] for effect in effects]):+.3f}" for name in effects[0])
                changes.append(f"{ARMS[arm].title} {', '.join(words)}")
        if changes:
            notes.append(f"Changed maps with {cases} cases change Dice by: {'; '.join(changes)}.")
    return notes


def sequence_notes(records: Records, size: Size, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """Dice of held-out cases whose sequence is among the labelled cases', and of the others, for every arm."""
    made_with = sequences(size, split)
    if not made_with:
        return []
    notes = []
    for cases in CASES:
        found = []
        for arm, ran in _comparable(records, split, family, arms, cases).items():
            dice: dict[bool, list[float]] = {True: [], False: []}
            for record in ran:
                shown = {made_with[case] for case in record["labelled_cases"]}
                for case, present in zip(records.truth.cases, records.truth.present, strict=True):
                    organs = itertools.compress(records.truth.organs, present)
                    dice[made_with[case] in shown] += [record["dice"][case][organ] for organ in organs]
            if all(dice.values()):
                found.append(f"{ARMS[arm].title} {np.mean(dice[True]):.3f} / {np.mean(dice[False]):.3f}")
        if found:
            notes.append(
                f"Dice with {cases} cases where the held-out case's sequence is among theirs / where it is not: "
                f"{'; '.join(found)}."
            )
    return notes
