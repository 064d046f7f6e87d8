"""Where everything lies below one output folder, and files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.label_efficiency.cells import Cell, Dataset, Job, Pairs, Pretraining, Student, Teacher
from benchmarks.label_efficiency.design import OBJECTIVES, PRETRAINING, SPLITS, Size
from pretraining.errors import UserError

DATASET = 811
DATASET_NAME = f"Dataset{DATASET}_LabelEfficiency"
PLANS = "nnUNetPlans.json"
RECORDS: Mapping[type[Job], str] = {
    Dataset: "datasets",
    Pairs: "pairs",
    Pretraining: "pretraining",
    Teacher: "teachers",
    Student: "students",
    Cell: "cells",
}


@dataclass(frozen=True)
class Folders:
    """Folders of a benchmark."""

    root: Path

    def nnunet(self, split: str) -> Path:
        """Holds nnU-Net's raw and preprocessed folders of a split."""
        return self.root / "datasets" / split

    def preprocessed(self, split: str) -> Path:
        """The preprocessed dataset."""
        return self.nnunet(split) / "nnUNet_preprocessed" / DATASET_NAME

    def plans(self, split: str) -> Path:
        """nnU-Net's plans."""
        return self.preprocessed(split) / PLANS

    def pairs(self, pairs: Pairs) -> Path:
        """Image-report pairs, and the prepared folder."""
        return self.root / "pairs" / pairs.name

    def prepared(self, pairs: Pairs) -> Path:
        """What `prepare` wrote."""
        return self.pairs(pairs) / "prepared"

    def pretraining(self, pretraining: Pretraining) -> Path:
        """Run, bundle and record."""
        return self.root / "pretraining" / pretraining.name

    def bundle(self, pretraining: Pretraining) -> Path:
        """The exported bundle."""
        return self.pretraining(pretraining) / "bundle"

    def weights(self, teacher: Teacher | Student) -> Path:
        """State dictionary of a network that has learned, beside its record."""
        return self.record(teacher).with_suffix(".pt")

    def batches(self, cell: Cell) -> Path:
        """What all cells train on that differ from one in their arm and pretraining alone."""
        shared = replace(cell, arm="all", pretraining=0, schedule_factor=cell.length)
        return self.root / "batches" / f"{shared.name}.pt"

    def record(self, job: Job) -> Path:
        """The file that says that a job is done, and what came of it."""
        return self.root / RECORDS[type(job)] / f"{job.name}.json"

    def done(self, job: Job) -> bool:
        """Whether a job need not be done again; an archived pretraining has a record and no bundle."""
        return self.record(job).is_file() and (not isinstance(job, Pretraining) or self.bundle(job).is_dir())

    def records(self, kinds: Iterable[type[Job]] = tuple(RECORDS)) -> Iterator[Path]:
        """Those of all jobs of some kinds that are done."""
        for kind in kinds:
            yield from sorted((self.root / RECORDS[kind]).glob("*.json"))


def open_folder(root: Path, size: Size) -> Folders:
    """Make the output folder, or go on in it.

    Raises:
        UserError: it was begun with another design, whose cells must not be mixed with new ones.
    """
    file = root / "design.json"
    if file.is_file():
        check_design(json.loads(file.read_text(encoding="utf-8")), size, f"{root} ({file.name})", "--output")
    root.mkdir(parents=True, exist_ok=True)
    write_json(file, design(size))
    return Folders(root.resolve())


def design(size: Size) -> dict[str, Any]:
    """What all cells of a folder share, as JSON gives it back; what an arm has of its own is in its records."""
    parts: dict[str, Any] = {"size": size, "pretraining": PRETRAINING, **SPLITS, **OBJECTIVES}
    plain: dict[str, Any] = json.loads(json.dumps({name: asdict(part) for name, part in parts.items()}))
    return plain


def check_design(begun: Mapping[str, Any], size: Size, where: str, option: str) -> None:
    """Refuse what was begun with another design.

    Args:
        begun: what `design` gave then. What was added since, an objective say, changes nothing of what has run.
        size: of now.
        where: it stands, for the message.
        option: that names another place.

    Raises:
        UserError: they differ.
    """
    wanted = design(size)
    if any(wanted.get(name) != part for name, part in begun.items()):
        raise UserError(f"{where} was begun with other sizes, settings, seeds or looks: choose another {option}")


def write_json(file: Path, content: Any) -> None:
    """Write a file, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # Workers write the folds of the same dataset.
    unfinished = file.with_suffix(f".{os.getpid()}.unfinished")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, file)


@contextmanager
def variables(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
