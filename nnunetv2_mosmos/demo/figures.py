"""The pictures of the demo's page, as PNG."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nnunetv2_mosmos.demo.scores import MappedStudy, read_volume

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = ("#e4572e", "#4aa3df", "#f3c13a", "#76b041", "#a06cd5", "#e089b4", "#17bebb", "#b07d62")


def to_png(figure: Figure) -> bytes:
    """The figure as PNG; it is closed."""
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, facecolor="white")
    pyplot.close(figure)
    return buffer.getvalue()


def new_figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, NDArray[Any]]:
    """A figure of panels `(rows, columns)`, each `width` x `height` inches."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained")


def pretraining_curves(metrics: Path) -> bytes:
    """Loss of each epoch and tag AUC on validation studies, from a run's `metrics.jsonl`."""
    rows = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines() if line.strip()]
    epochs = [row["epoch"] for row in rows]
    figure, axes = new_figure(1, 2, 4.2, 2.8)
    for name, label, color in (("train/loss", "training", _COLORS[1]), ("val/loss", "validation", _COLORS[0])):
        axes[0, 0].plot(epochs, [row.get(name, np.nan) for row in rows], "o-", color=color, label=label, markersize=3)
    axes[0, 0].set(title="pretraining loss", xlabel="epoch")
    axes[0, 0].legend(frameon=False)
    axes[0, 1].plot(epochs, [row.get("val/tag_auc", np.nan) for row in rows], "o-", color=_COLORS[3], markersize=3)
    axes[0, 1].set(title="tag recognition on validation studies (AUC)", xlabel="epoch", ylim=(0.4, 1.0))
    return to_png(_plain(figure, axes))


def finetuning_curves(logs: Mapping[str, Mapping[str, Sequence[float]]]) -> bytes:
    """Losses and pseudo Dice of each configuration.

    Args:
        logs: configuration to the lists `train_losses`, `val_losses`, `mean_fg_dice`.
    """
    figure, axes = new_figure(1, len(logs), 4.2, 2.8)
    for axis, (configuration, log) in zip(axes[0], logs.items(), strict=True):
        axis.plot(log["train_losses"], color=_COLORS[1], label="training loss")
        axis.plot(log["val_losses"], color=_COLORS[0], label="validation loss")
        axis.plot(log["mean_fg_dice"], color=_COLORS[3], label="validation Dice")
        axis.set(title=f"finetuning, {configuration}", xlabel="epoch")
        axis.legend(frameon=False, fontsize=8)
    return to_png(_plain(figure, axes))


def attention_gallery(studies: Sequence[MappedStudy], tags: Sequence[str]) -> bytes:
    """A row a study: the slice, then each tag's map over it with the organ's true outline."""
    figure, axes = new_figure(len(studies), len(tags) + 1, 1.7, 1.85)
    for row, study in zip(axes, studies, strict=True):
        row[0].imshow(study.image, cmap="gray", vmin=0, vmax=255)
        row[0].set_title("image", fontsize=8)
        for axis, tag in zip(row[1:], tags, strict=True):
            axis.imshow(study.image, cmap="gray", vmin=0, vmax=255)
            axis.imshow(study.maps[tag], cmap="inferno", alpha=0.6)
            if study.shows(tag):
                axis.contour(study.organ(tag), levels=[0.5], colors="#39ff88", linewidths=0.9)
            axis.set_title(tag if study.shows(tag) else f"{tag} (not in it)", fontsize=8)
    return to_png(_bare(figure, axes))


def prediction_gallery(
    images: Path, truths: Path, predictions: Mapping[str, Path], labels: Mapping[str, int], cases: int
) -> bytes:
    """A row a case: slice, label, and each configuration's prediction at the slice that shows most organs."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    names = [path.name for path in sorted(truths.glob("*.nii.gz"))[:cases]]
    colors = [_COLORS[i % len(_COLORS)] for i in range(len(labels))]
    palette = ListedColormap(["#00000000", *colors])
    figure, axes = new_figure(len(names), 2 + len(predictions), 2.1, 1.8)
    for row, name in zip(axes, names, strict=True):
        truth = read_volume(truths / name)
        level = int(np.argmax([len(np.unique(plane)) * 1e6 + (plane > 0).sum() for plane in truth]))
        image = read_volume(images / name.replace(".nii.gz", "_0000.nii.gz"))[level]
        layers = {"label": truth[level], **{c: read_volume(folder / name)[level] for c, folder in predictions.items()}}
        row[0].imshow(image, cmap="gray", vmin=-160, vmax=240)
        row[0].set_title("image", fontsize=8)
        for axis, (title, layer) in zip(row[1:], layers.items(), strict=True):
            axis.imshow(image, cmap="gray", vmin=-160, vmax=240)
            axis.imshow(layer, cmap=palette, vmin=0, vmax=len(labels), alpha=0.75, interpolation="nearest")
            axis.set_title(title, fontsize=8)
    handles = [Patch(color=color, label=organ) for color, organ in zip(colors, labels, strict=True)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=8)
    return to_png(_bare(figure, axes))


def _plain(figure: Figure, axes: NDArray[Any]) -> Figure:
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.title.set_fontsize(10)
    return figure


def _bare(figure: Figure, axes: NDArray[Any]) -> Figure:
    for axis in axes.flat:
        axis.set_axis_off()
    return figure
