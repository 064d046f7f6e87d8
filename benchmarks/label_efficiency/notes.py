"""Sentences below a table: whether the schedule has converged, what maps are worth, and which cases fail."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from benchmarks.label_efficiency.cells import Cell
from benchmarks.label_efficiency.design import ARMS, CASES, Size
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.patients import sequences
from benchmarks.label_efficiency.records import arm_scores, finished
from benchmarks.label_efficiency.statistics import cell_scores, mean_of

LONGER = {2: "Twice", 3: "Three times"}


def convergence_notes(folders: Folders, size: Size, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """How much a longer schedule changes Dice, for every arm of which cells have run with both.

    Three times the schedule is also what self-training takes: its teacher, its student and itself.
    """
    notes = []
    for cases, (factor, longer) in itertools.product(CASES, LONGER.items()):
        changes = []
        for arm in arms:
            once, more = (
                cell_scores(arm_scores(folders, size, Cell(split, family, arm, cases, 0, 0, times)))
                for times in (1, factor)
            )
            pairs = int(np.isfinite(more - once).sum())
            if pairs:
                changes.append(f"{ARMS[arm].title} {float(mean_of(more - once)):+.3f} (n={pairs})")
        if changes:
            notes.append(f"{longer} the schedule with {cases} cases changes Dice by: {', '.join(changes)}.")
    return notes


def map_notes(folders: Folders, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """How much zeroed and shuffled maps change Dice, for every arm with maps."""
    notes = []
    for cases in CASES:
        changes = []
        for arm in arms:
            records = [record for _, record in finished(folders, Cell(split, family, arm, cases, 0, 0))]
            effects = [record["map_effect"]["change"] for record in records if record["map_effect"]]
            if effects:
                words = (f"{name} {np.mean([effect[name]['mean'] for effect in effects]):+.3f}" for name in effects[0])
                changes.append(f"{ARMS[arm].title} {', '.join(words)}")
        if changes:
            notes.append(f"Changed maps with {cases} cases change Dice by: {'; '.join(changes)}.")
    return notes


def sequence_notes(folders: Folders, size: Size, split: str, family: str, arms: Sequence[str]) -> list[str]:
    """Dice of held-out cases whose sequence is among the labelled cases', and of the others, for every arm."""
    made_with = sequences(size, split)
    if not made_with:
        return []
    notes = []
    for cases in CASES:
        found = []
        for arm in arms:
            records = [record for _, record in finished(folders, Cell(split, family, arm, cases, 0, 0))]
            dice: dict[bool, list[float]] = {True: [], False: []}
            for record in records:
                shown = {made_with[case] for case in record["labelled_cases"]}
                for case, organs in record["dice"].items():
                    dice[made_with[case] in shown] += [value for value in organs.values() if value is not None]
            if all(dice.values()):
                found.append(f"{ARMS[arm].title} {np.mean(dice[True]):.3f} / {np.mean(dice[False]):.3f}")
        if found:
            notes.append(
                f"Dice with {cases} cases where the held-out case's sequence is among theirs / where it is not: "
                f"{'; '.join(found)}."
            )
    return notes
