"""Reads what jobs left."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency.cells import Cell, paired
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


@dataclass(frozen=True)
class Records:
    """Those of finished cells.

    Attributes:
        folders: where they are.
        truth: of the held-out cases.
        pairs: only of cells whose two seeds have the same number: those of interventions, which other cells of an arm
            must not be compared with.
    """

    folders: Folders
    truth: Truth
    pairs: bool = False

    def finished(self, of: Cell) -> Iterator[tuple[Cell, dict[str, Any]]]:
        """The cells that have run of those that differ from one in their seeds alone, with their records.

        Raises:
            UserError: one was trained with other settings of its arm than those of now.
        """
        settings = arm_settings(of.arm)
        for cell in self._alike(of):
            if self.folders.record(cell).is_file():
                record = read_record(self.folders.record(cell))
                if record.get("arm", settings) != settings:
                    raise UserError(
                        f"{self.folders.record(cell)} was trained with other settings of '{of.arm}' than those of now: "
                        "remove it to train the cell anew, or choose another --output"
                    )
                yield cell, record

    def _alike(self, of: Cell) -> Iterator[Cell]:
        if self.pairs:
            yield from (paired(of, seed) for seed in range(PRETRAINING_SEEDS))
            return
        for pretraining, finetuning in itertools.product(range(pretraining_seeds(of.arm)), range(FINETUNING_SEEDS)):
            yield replace(of, pretraining=pretraining, finetuning=finetuning)

    def arm_scores(self, of: Cell) -> Scores:
        """Dice `(P, F, C, O)` of the cells that differ from one in their seeds alone.

        NaN where a cell has not run and where a case lacks the label: nnU-Net gives 0 to a label that is found there
        and nothing to one that is not, so that arms would be scored on different cases. `false_positives` counts the
        former.
        """
        return np.where(self.truth.present, self._dice(of), np.nan)

    def false_positives(self, of: Cell) -> Scores:
        """In how many cases without a label each cell finds it, summed over labels, `(P, F)`; NaN: it has not run."""
        dice = self._dice(of)
        found = (np.isfinite(dice) & ~self.truth.present).sum((2, 3))
        return np.where(np.isnan(dice).all((2, 3)), np.nan, found)

    def _dice(self, of: Cell) -> Scores:
        """As nnU-Net scored them, `(P, F, C, O)`."""
        dice = np.full((pretraining_seeds(of.arm), FINETUNING_SEEDS, *self.truth.present.shape), np.nan)
        for cell, record in self.finished(of):
            rows = [[record["dice"][case][organ] for organ in self.truth.organs] for case in self.truth.cases]
            dice[cell.pretraining, cell.finetuning] = np.array(rows, float)
        return dice
