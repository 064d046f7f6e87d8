"""Reads what jobs left."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency.cells import Cell
from benchmarks.label_efficiency.design import ARMS, FINETUNING_SEEDS, PRETRAINING_SEEDS, Size
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.patients import case_names, labels_present
from benchmarks.label_efficiency.statistics import Scores
from pretraining.errors import UserError


def read_record(file: Path) -> dict[str, Any]:
    """What a job left."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def pretraining_seeds(arm: str) -> int:
    """How many seeds of pretraining an arm has."""
    return PRETRAINING_SEEDS if ARMS[arm].pretrained else 1


def arm_settings(arm: str) -> dict[str, Any]:
    """What decides an arm's results, as JSON gives it back: a record keeps it."""
    settings: dict[str, Any] = json.loads(json.dumps(asdict(ARMS[arm])))
    del settings["title"]
    return settings


def finished(folders: Folders, of: Cell) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The cells that have run of those that differ from one in their seeds alone, with their records.

    Raises:
        UserError: one was trained with other settings of its arm than those of now.
    """
    settings = arm_settings(of.arm)
    for pretraining in range(pretraining_seeds(of.arm)):
        for finetuning in range(FINETUNING_SEEDS):
            cell = replace(of, pretraining=pretraining, finetuning=finetuning)
            if folders.record(cell).is_file():
                record = read_record(folders.record(cell))
                if record.get("arm", settings) != settings:
                    raise UserError(
                        f"{folders.record(cell)} was trained with other settings of '{of.arm}' than those of now: "
                        "remove it to train the cell anew, or choose another --output"
                    )
                yield cell, record


@dataclass(frozen=True)
class Truth:
    """What the held-out cases hold.

    Attributes:
        cases: their names. organs: the labels. present: `(C, O)`, whether a case has a label.
    """

    cases: Sequence[str]
    organs: Sequence[str]
    present: NDArray[np.bool_]


def truth_of(size: Size, split: str) -> Truth:
    """Of a split's labelled cases."""
    return Truth(case_names(size)[1], size.organs, labels_present(size, split))


def arm_scores(folders: Folders, truth: Truth, of: Cell) -> Scores:
    """Dice `(P, F, C, O)` of the cells that differ from one in their seeds alone.

    NaN where a cell has not run and where a case lacks the label: nnU-Net gives 0 to a label that is found there and
    nothing to one that is not, so that arms would be scored on different cases. `false_positives` counts the former.

    Args:
        folders: where the cells' files are.
        truth: of the held-out cases.
        of: its seeds do not matter.
    """
    return np.where(truth.present, _dice(folders, truth, of), np.nan)


def false_positives(folders: Folders, truth: Truth, of: Cell) -> Scores:
    """In how many cases without a label each cell finds it, summed over labels, `(P, F)`; NaN where it has not run."""
    dice = _dice(folders, truth, of)
    found = (np.isfinite(dice) & ~truth.present).sum((2, 3))
    return np.where(np.isnan(dice).all((2, 3)), np.nan, found)


def _dice(folders: Folders, truth: Truth, of: Cell) -> Scores:
    """As nnU-Net scored them, `(P, F, C, O)`."""
    dice = np.full((pretraining_seeds(of.arm), FINETUNING_SEEDS, *truth.present.shape), np.nan)
    for cell, record in finished(folders, of):
        rows = [[record["dice"][case][organ] for organ in truth.organs] for case in truth.cases]
        dice[cell.pretraining, cell.finetuning] = np.array(rows, float)
    return dice
