"""Curves of a run's metrics, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
        if axis.lines:
            axis.legend()
    for axis in axes.flat[len(names) :]:
        axis.set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
