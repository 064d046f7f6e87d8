"""Reads what jobs left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_efficiency.cells import Cell
from benchmarks.label_efficiency.design import ARMS, FINETUNING_SEEDS, PRETRAINING_SEEDS, Size
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.patients import case_names
from benchmarks.label_efficiency.statistics import Scores


def read_record(file: Path) -> dict[str, Any]:
    """What a job left."""
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def pretraining_seeds(arm: str) -> int:
    """How many seeds of pretraining an arm has."""
    return PRETRAINING_SEEDS if ARMS[arm].pretrained else 1


def finished(folders: Folders, of: Cell) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The cells that have run of those that differ from one in their seeds alone, with their records."""
    for pretraining in range(pretraining_seeds(of.arm)):
        for finetuning in range(FINETUNING_SEEDS):
            cell = replace(of, pretraining=pretraining, finetuning=finetuning)
            if folders.record(cell).is_file():
                yield cell, read_record(folders.record(cell))


def arm_scores(folders: Folders, size: Size, of: Cell) -> Scores:
    """Dice `(P, F, C, O)` of the cells that differ from one in their seeds alone; NaN for those that have not run.

    Args:
        folders: where the cells' files are.
        size: says the held-out cases and the organs.
        of: its seeds do not matter.
    """
    held_out = case_names(size)[1]
    scores = np.full((pretraining_seeds(of.arm), FINETUNING_SEEDS, len(held_out), len(size.organs)), np.nan)
    for cell, record in finished(folders, of):
        dice = [[record["dice"][case][organ] for organ in size.organs] for case in held_out]
        scores[cell.pretraining, cell.finetuning] = np.array(dice, float)
    return scores
