"""Small real data sets, which lie beside the repository and not in it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json
from numpy.typing import NDArray

from benchmarks.label_efficiency.design import RealData
from benchmarks.record import SHARED_DATA
from pretraining.errors import UserError

ENDING = ".nii.gz"


def real_folder(name: str) -> Path:
    """A data set of `shared/data`.

    Raises:
        UserError: it is not there.
    """
    folder = SHARED_DATA / name
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist: put the data set there, or choose a --task on synthetic patients")
    return folder


def real_names(data: RealData) -> list[str]:
    """The labelled cases, sorted."""
    return sorted(file.name.removesuffix(ENDING) for file in (real_folder(data.cases) / "labelsTr").glob(f"*{ENDING}"))


def real_label(data: RealData, name: str) -> NDArray[np.uint8]:
    """The label map of a case, `(Z, Y, X)`."""
    file = real_folder(data.cases) / "labelsTr" / f"{name}{ENDING}"
    return np.asarray(sitk.GetArrayFromImage(sitk.ReadImage(str(file))), np.uint8)


def copy_labelled(raw: Path, data: RealData, labels: tuple[str, ...]) -> None:
    """Make nnU-Net's raw dataset of a folder that has its images and labels."""
    for part in ("imagesTr", "labelsTr"):
        shutil.copytree(real_folder(data.cases) / part, raw / part)
    named = {"background": 0} | {label: value for value, label in enumerate(labels, start=1)}
    generate_dataset_json(str(raw), {0: data.channel}, named, len(real_names(data)), ENDING)
