"""What a run writes for people and programs to watch: metrics as JSON lines and CSV, curves as a picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

METRICS, TABLE, CURVES = "metrics.jsonl", "metrics.csv", "curves.png"


class Journal:
    """Appends one line an epoch; redraws the curves.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> list[dict[str, Any]]:
        """All entries so far."""
        file = self.folder / METRICS
        if not file.exists():
            return []
        return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]

    def forget_after(self, epoch: int) -> None:
        """Drop entries of epochs that a resumed run repeats.

        Args:
            epoch: the last epoch to keep.
        """
        kept = [entry for entry in self.read() if entry["epoch"] <= epoch]
        text = "".join(json.dumps(entry) + "\n" for entry in kept)
        (self.folder / METRICS).write_text(text, encoding="utf-8")

    def add(self, entry: Mapping[str, Any]) -> None:
        """Record one epoch."""
        with (self.folder / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(dict(entry)) + "\n")
        entries = self.read()
        columns = list(dict.fromkeys(name for one in entries for name in one))
        with (self.folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(entries)
        draw_curves(entries, self.folder / CURVES)


def draw_curves(entries: list[dict[str, Any]], path: Path) -> None:
    """Draw every recorded quantity over the epochs: training and validation share a panel.

    Args:
        entries: one mapping an epoch.
        path: the PNG to write.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(key.split("/", 1)[1] for entry in entries for key in entry if "/" in key))
    columns = 4
    rows = -(-len(names) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4 * columns, 3 * rows), squeeze=False)
    for axis, name in zip(axes.flat, names, strict=False):
        for part in ("train", "val"):
            points = [(entry["epoch"], entry[f"{part}/{name}"]) for entry in entries if f"{part}/{name}" in entry]
            points = [point for point in points if point[1] is not None]
            if points:
                axis.plot(*zip(*points, strict=True), label=part, marker="." if len(points) < 20 else None)
        axis.set_title(name)
        axis.set_xlabel("epoch")
        axis.legend()
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
