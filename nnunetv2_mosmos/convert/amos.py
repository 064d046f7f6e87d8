"""AMOS22: abdominal CT and MR with 15 organs (Ji et al., NeurIPS 2022 Datasets and Benchmarks)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from nnunetv2_mosmos.convert.source import CHANNELS, Case, Dataset, Modality, Source, find_below, titled
from pretraining.errors import UserError

# Task 1 of the challenge is CT, task 2 adds MR; their numbers tell them apart.
LAST_CT = 500


def read(folder: Path, modality: Modality) -> Source:
    """Read the lists in `dataset.json`. The validation cases, labelled since the challenge ended, join the training.

    nnU-Net's own `Dataset218_Amos2022_task1` and `Dataset219_Amos2022_task2` make the same datasets of CT and of both;
    they check nothing and offer no MR alone.

    Args:
        folder: holds `dataset.json`, `imagesTr` and the others, at most two folders deeper.
        modality: CT for task 1, both for task 2, or MR.

    Raises:
        UserError: there is no such file, or it has other content.
    """
    file = find_below(folder, "dataset.json")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        labels = {str(name): int(value) for value, name in content["labels"].items()}
        training = _cases(file.parent, [*content["training"], *content["validation"]], modality)
        test = _cases(file.parent, content["test"], modality)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file} is not AMOS22's list of labels, training, validation and test cases: unpack the download again"
        ) from error
    return Source(
        title=titled("AMOS22", modality),
        channels=(CHANNELS[modality],),
        labels=labels,
        values={value: value for value in labels.values()},
        reference="https://zenodo.org/records/7262581",
        training=training,
        test=test,
        # As nnU-Net's own conversion does: SimpleITK refuses some of the files for their direction cosines.
        reader="NibabelIOWithReorient",
    )


def _cases(folder: Path, entries: Iterable[Mapping[str, str]], modality: Modality) -> tuple[Case, ...]:
    cases = [
        Case(
            Path(entry["image"]).name.removesuffix(".nii.gz"),
            (folder / entry["image"],),
            folder / entry["label"] if "label" in entry else None,
        )
        for entry in entries
    ]
    return tuple(case for case in cases if modality in ("both", _modality(case)))


def _modality(case: Case) -> Modality:
    return "ct" if int(case.name.rpartition("_")[-1]) <= LAST_CT else "mr"


AMOS = Dataset(("ct", "mr", "both"), read)
