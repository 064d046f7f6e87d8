"""What a run writes for people and programs to watch: losses of every step, metrics of every epoch, their curves."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pretraining.disk import disk_problems_are_users
from pretraining.studies.atomic import atomic_path, whole_lines
from pretraining.training.curves import draw_curves
from pretraining.training.watchers import Watcher

STEPS, METRICS, TABLE, CURVES = "steps.jsonl", "metrics.jsonl", "metrics.csv", "curves.png"


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The entries of a run's epochs so far.

    Args:
        folder: the run's folder.
    """
    return [json.loads(line) for line in whole_lines(folder / METRICS)]


class Journal:
    """Records steps and epochs in files, and passes them on to watchers.

    Args:
        folder: the run's folder.

    Attributes:
        watchers: who else wants to know.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watchers: Sequence[Watcher] = ()
        self.entries: list[dict[str, Any]] = []
        self._unwritten: list[str] = []

    def has_steps(self) -> bool:
        """Whether steps were ever recorded here."""
        return (self.folder / STEPS).exists()

    def rewind(self, step: int, epochs: int) -> None:
        """Take up what is recorded, without what a resumed run repeats.

        Args:
            step: the last step to keep.
            epochs: how many epochs to keep.
        """
        self.entries = [entry for entry in read_metrics(self.folder) if entry["epoch"] <= epochs]
        with disk_problems_are_users(self.folder):
            with atomic_path(self.folder / METRICS) as temporary:
                temporary.write_text("".join(map(_line, self.entries)), encoding="utf-8")
            if self.has_steps():
                steps = self.folder / STEPS
                with (
                    atomic_path(steps) as temporary,
                    steps.open(encoding="utf-8") as old,
                    temporary.open("w", encoding="utf-8") as new,
                ):
                    new.writelines(islice(old, step))  # one line a step

    def add_step(self, step: int, losses: Mapping[str, float]) -> None:
        """Record one step; it reaches the disk with `write_steps`."""
        self._unwritten.append(_line({"step": step, **losses}))
        for watcher in self.watchers:
            watcher.record(step, {f"step/{name}": value for name, value in losses.items()})

    def write_steps(self) -> None:
        """Bring all recorded steps to the disk; to be called before a checkpoint says that they were taken."""
        if self._unwritten:
            with disk_problems_are_users(self.folder), (self.folder / STEPS).open("a", encoding="utf-8") as file:
                file.writelines(self._unwritten)
                file.flush()
                os.fsync(file.fileno())
            self._unwritten = []

    def add_epoch(self, entry: dict[str, Any]) -> None:
        """Record one epoch: numbers by name, `epoch` and `step` among them."""
        self.entries.append(entry)
        with disk_problems_are_users(self.folder):
            with (self.folder / METRICS).open("a", encoding="utf-8") as file:
                file.write(_line(entry))
            columns = list(dict.fromkeys(name for one in self.entries for name in one))
            with (
                atomic_path(self.folder / TABLE) as temporary,
                temporary.open("w", newline="", encoding="utf-8") as table,
            ):
                writer = csv.DictWriter(table, columns)
                writer.writeheader()
                writer.writerows(self.entries)
            with atomic_path(self.folder / CURVES) as temporary:
                draw_curves(self.entries, temporary)
        numbers = {name: value for name, value in entry.items() if name != "step" and value is not None}
        for watcher in self.watchers:
            watcher.record(entry["step"], numbers)

    def close(self) -> None:
        """Let the watchers finish."""
        for watcher in self.watchers:
            watcher.close()


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"
