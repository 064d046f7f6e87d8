"""The datasets that can be converted, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from nnunetv2_mosmos.convert.amos import AMOS
from nnunetv2_mosmos.convert.brats import BRATS
from nnunetv2_mosmos.convert.btcv import BTCV
from nnunetv2_mosmos.convert.mmwhs import MMWHS
from nnunetv2_mosmos.convert.source import Dataset, Modality, Source
from pretraining.errors import UserError

Name = Literal["btcv", "amos", "mmwhs", "brats"]

DATASETS: Mapping[Name, Dataset] = {"btcv": BTCV, "amos": AMOS, "mmwhs": MMWHS, "brats": BRATS}


def read_source(name: Name, folder: Path, modality: Modality | None) -> Source:
    """Find a dataset in its download.

    Args:
        name: which dataset.
        folder: the download, unpacked.
        modality: which of its images; may be None where it has one kind only.

    Raises:
        UserError: the modality is not one that it has, or has to be said; the folder holds something else.
    """
    dataset = DATASETS[name]
    offered = " or ".join(dataset.modalities)
    if modality is None and len(dataset.modalities) > 1:
        raise UserError(f"{name} has CT and MR images: say which to take with --modality {offered}")
    modality = modality or dataset.modalities[0]
    if modality not in dataset.modalities:
        raise UserError(f"{name} offers --modality {offered}, not {modality}: leave the option out")
    return dataset.read(folder, modality)
