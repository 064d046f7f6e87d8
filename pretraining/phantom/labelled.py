"""Writes labelled cases as an nnU-Net raw data set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pretraining.phantom.files import write_volume
from pretraining.phantom.organs import LABELS, members
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import Population, Study, draw_study

# nnU-Net normalises the channel "CT" with the data set's own statistics, everything else image by image.
_CHANNELS: dict[tuple[str, ...], str] = {("CT",): "CT", ("MR",): "MRI"}


@dataclass(frozen=True, kw_only=True)
class LabelledJob:
    """What to write.

    Attributes:
        folder: receives `dataset.json`, `imagesTr`, `labelsTr`, `imagesTs`, `labelsTs`.
        seed: the user's. train, test: number of cases. organs: tag ids to label, in the order of the label values;
            `kidney` takes both kidneys. Lesions, those of `lesions.TAGS`, lie over organs.
    """

    folder: Path
    seed: int
    train: int
    test: int
    organs: tuple[str, ...]
    population: Population


def label_map(study: Study, organs: tuple[str, ...]) -> NDArray[np.uint8]:
    """The study's mask with the values 1.. for `organs` and 0 for everything else, `(Z, Y, X)`."""
    table = np.zeros(len(LABELS) + 1, np.uint8)
    for value, organ in enumerate(organs, start=1):
        table[[LABELS[member] for member in members(organ)]] = value
    lesions = study.lesion_mask({organ: value for value, organ in enumerate(organs, start=1)})
    return np.where(lesions, lesions, table[study.painting.organs])


def write_labelled(job: LabelledJob) -> None:
    """Write the data set. Case n is the same whatever the number of cases."""
    for split, name, count in (("Tr", "labelled", job.train), ("Ts", "labelledtest", job.test)):
        images, labels = job.folder / f"images{split}", job.folder / f"labels{split}"
        images.mkdir(parents=True, exist_ok=True)
        labels.mkdir(parents=True, exist_ok=True)
        stream = Stream(job.seed, name)
        for number in tqdm(range(count), desc=f"{name} cases", unit="case"):
            study = draw_study(stream.patient(number, job.population.habits), stream.study(number), job.population)
            case = f"{name}_{number:04d}"
            write_volume(images / f"{case}_0000.nii.gz", study.image, study.scan.grid)
            write_volume(labels / f"{case}.nii.gz", label_map(study, job.organs), study.scan.grid)
    modalities = tuple(sorted(set(job.population.protocol.modalities)))
    content = {
        "channel_names": {"0": _CHANNELS.get(modalities, "image")},
        "labels": {"background": 0, **{organ: value for value, organ in enumerate(job.organs, start=1)}},
        "numTraining": job.train,
        "file_ending": ".nii.gz",
        "name": "MOSMOS phantom",
        "description": "synthetic bodies of mosmos_pretrain phantom; not patients",
    }
    (job.folder / "dataset.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
