"""How good the demo's predictions are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray


def dataset_labels(dataset: Path) -> dict[str, int]:
    """Organ to label value of an nnU-Net data set, without the background."""
    labels = json.loads((dataset / "dataset.json").read_text(encoding="utf-8"))["labels"]
    return {name: int(value) for name, value in labels.items() if name != "background"}


def dice(prediction: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice of two masks; NaN where both are empty."""
    total = int(prediction.sum()) + int(truth.sum())
    return 2 * int((prediction & truth).sum()) / total if total else float("nan")


def dice_per_case(predictions: Path, truths: Path, labels: Mapping[str, int]) -> dict[str, dict[str, float]]:
    """Dice of each organ in each case of a folder; without the organs that a case neither has nor was given.

    Args:
        predictions: folder of NIfTI label maps.
        truths: folder of the true ones, with the same file names.
        labels: organ to label value.
    """
    found = {}
    for path in sorted(truths.glob("*.nii.gz")):
        truth, prediction = read_volume(path), read_volume(predictions / path.name)
        scores = {organ: dice(prediction == value, truth == value) for organ, value in labels.items()}
        found[path.name] = {organ: score for organ, score in scores.items() if not np.isnan(score)}
    return found


def dice_per_organ(cases: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Mean Dice of each organ over the cases that `dice_per_case` has it for."""
    organs = dict.fromkeys(organ for scores in cases.values() for organ in scores)
    return {organ: mean_of({case: one[organ] for case, one in cases.items() if organ in one}) for organ in organs}


def read_volume(path: Path) -> NDArray[Any]:
    """Voxels `(Z, Y, X)`."""
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def mean_of(values: Mapping[str, float]) -> float:
    """Mean of named values; NaN when there is none."""
    return float(np.mean(list(values.values()))) if values else float("nan")
