"""How good the demo's predictions and attention maps are."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image

from pretraining.evaluation.localization import FEWEST_PIXELS, localize, mean_localization
from pretraining.phantom.organs import LABELS, members


def dataset_labels(dataset: Path) -> dict[str, int]:
    """Organ to label value of an nnU-Net data set, without the background."""
    labels = json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))["labels"]
    return {name: int(value) for name, value in labels.items() if name != "background"}


def dice(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice of two masks; NaN where both are empty."""
    total = int(prediction.sum()) + int(truth.sum())
    return 2 * int((prediction & truth).sum()) / total if total else float("nan")


def dice_per_organ(predictions: Path, truths: Path, labels: Mapping[str, int]) -> dict[str, float]:
    """Mean Dice of each organ over the cases of a folder that have it or were given it.

    Args:
        predictions: folder of NIfTI label maps.
        truths: folder of the true ones, with the same file names.
        labels: organ to label value.
    """
    found: dict[str, list[float]] = {organ: [] for organ in labels}
    for path in sorted(truths.glob("*.nii.gz")):
        truth, prediction = read_volume(path), read_volume(predictions / path.name)
        for organ, value in labels.items():
            found[organ].append(dice(prediction == value, truth == value))
    return {organ: float(np.nanmean(values)) for organ, values in found.items() if not np.isnan(values).all()}


def read_volume(path: Path) -> NDArray[Any]:
    """Voxels `(Z, Y, X)`."""
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


@dataclass(frozen=True)
class MappedStudy:
    """A held-out slice with its maps.

    Attributes:
        id: of the study. image, mask: `(Y, X)`, grey values and phantom label values.
        maps: tag to `(Y, X)` cosines.
    """

    id: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    maps: Mapping[str, NDArray[np.float32]]

    def organ(self, tag: str) -> NDArray[np.bool_]:
        """Where the tag's organ is, both sides for a pair."""
        return np.isin(self.mask, [LABELS[member] for member in members(tag)])

    def shows(self, tag: str) -> bool:
        """Whether more than a sliver of the organ is there."""
        return int(self.organ(tag).sum()) >= FEWEST_PIXELS


def map_held_out(bundle: Path, folder: Path, tags: Sequence[str]) -> Iterator[MappedStudy]:
    """Attention maps of held-out studies.

    Args:
        bundle: makes the maps.
        folder: what `mosmos_pretrain phantom --held-out` wrote.
        tags: which maps.
    """
    import torch

    from pretraining.bundle.bundle import read_bundle
    from pretraining.maps.mapper import AttentionMapper

    mapper = AttentionMapper(read_bundle(bundle), tags, torch.device("cpu"))
    with (folder / "pairs.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    for row in rows:
        name = Path(row["image"]).name
        image = np.asarray(Image.open(folder / "images" / name))
        mask = np.asarray(Image.open(folder / "masks" / name))
        yield MappedStudy(row["id"], image, mask, dict(zip(tags, mapper(image[None]).maps, strict=True)))


def localization(studies: Sequence[MappedStudy], tags: Sequence[str]) -> dict[str, dict[str, float]]:
    """AUROC, average precision, hits and number of studies of each tag, over the studies that show its organ."""
    scores = {tag: [localize(study.maps[tag], study.organ(tag)) for study in studies] for tag in tags}
    return mean_localization({tag: [one for one in found if one is not None] for tag, found in scores.items()})


def mean_of(values: Mapping[str, float]) -> float:
    """Mean over organs; NaN when there is none."""
    return float(np.mean(list(values.values()))) if values else float("nan")
