"""Where nnU-Net keeps a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pretraining.errors import UserError


def preprocessed_folder(dataset: str) -> Path:
    """The folder of a dataset in `nnUNet_preprocessed`; it need not exist.

    Args:
        dataset: number or name, as nnU-Net takes it.

    Raises:
        UserError: nnU-Net's variable is not set, or no dataset has that number or name, or several have.
    """
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    if not nnUNet_preprocessed.is_set():
        raise UserError("the environment variable nnUNet_preprocessed is not set: set nnU-Net's three folders first")
    try:
        return Path(nnUNet_preprocessed) / maybe_convert_to_dataset_name(dataset)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"no dataset '{dataset}' in nnUNet_raw or nnUNet_preprocessed, or several: give its number or its whole "
            "name (Dataset004_Name)"
        ) from error


def raw_folder(folder: Path) -> Path | None:
    """The folder of the same dataset in `nnUNet_raw`, or None where that is not set.

    Args:
        folder: from `preprocessed_folder`.
    """
    from nnunetv2.paths import nnUNet_raw

    return Path(nnUNet_raw) / folder.name if nnUNet_raw.is_set() else None


def read_dataset_json(folder: Path) -> dict[str, Any]:
    """A dataset's `dataset.json`, preprocessed or raw.

    Args:
        folder: from `preprocessed_folder`.

    Raises:
        UserError: there is none.
    """
    for candidate in (folder, raw_folder(folder)):
        if candidate is not None and (file := candidate / "dataset.json").is_file():
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return content
    raise UserError(
        f"{folder.name} has no dataset.json, neither in nnUNet_raw nor in nnUNet_preprocessed: write it first"
    )


def sample_files(folder: Path, dataset_json: dict[str, Any]) -> list[str] | None:
    """The image files of one training case, a file a channel, or None where `nnUNet_raw` has no images of the dataset.

    Args:
        folder: from `preprocessed_folder`.
        dataset_json: of the dataset.
    """
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    raw = raw_folder(folder)
    if raw is None or not (raw / "imagesTr").is_dir():
        return None
    cases: dict[str, Any] = get_filenames_of_train_images_and_targets(str(raw), dataset_json)
    case = next(iter(cases.values()), None)
    return None if case is None else list(case["images"])


def free_raw_folder(number: int, option: str) -> Path:
    """`nnUNet_raw`, where a new dataset may have a number.

    Args:
        number: of the new dataset.
        option: that gave it, for messages.

    Raises:
        UserError: nnU-Net's variable is not set, or the number is taken or none of nnU-Net's.
    """
    from nnunetv2.paths import nnUNet_raw
    from nnunetv2.utilities.dataset_name_id_conversion import find_candidate_datasets

    if not nnUNet_raw.is_set():
        raise UserError("the environment variable nnUNet_raw is not set: set nnU-Net's three folders first")
    if not 0 < number < 1000:
        raise UserError(f"{option} {number}: nnU-Net numbers datasets from 1 to 999")
    taken = find_candidate_datasets(number)
    if len(taken):
        raise UserError(
            f"{option} {number} is taken by {taken[0]}: give another number, or remove that dataset from nnU-Net's "
            "three folders"
        )
    return Path(nnUNet_raw)
