"""Writes image-report pairs with their masks and gold tags."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from pretraining.phantom.appearance import to_bytes
from pretraining.phantom.files import write_picture, write_volume
from pretraining.phantom.lesions import LESION_VALUES
from pretraining.phantom.organs import LABELS
from pretraining.phantom.reports.report import Report, Reporting, write_report
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import Population, Study, draw_study
from pretraining.tags.vocabulary import Vocabulary, load_vocabulary

COLUMNS = ("id", "patient", "image", "report", "region", "modality")


@dataclass(frozen=True, kw_only=True)
class PairsJob:
    """What to write.

    Attributes:
        folder: receives `pairs.csv`, `gold.jsonl`, `labels.json`, `images/`, `masks/` and `lesions/`; the
            latter has a `labels.json` of its own.
        stream: whose patients. count: studies. studies_per_patient: successive studies that share a body.
    """

    folder: Path
    stream: Stream
    count: int
    studies_per_patient: int
    population: Population
    reporting: Reporting


def draw_pairs(job: PairsJob, vocabulary: Vocabulary) -> Iterator[tuple[str, str, Study, Report]]:
    """Study id, patient id, study and report, one after the other; each depends only on the seed and its number."""
    for index in range(job.count):
        number = index // job.studies_per_patient
        if index % job.studies_per_patient == 0:
            patient = job.stream.patient(number, job.population.habits)
        study = draw_study(patient, job.stream.study(index), job.population)
        rng = np.random.default_rng(job.stream.report(index))
        report = write_report(study, job.reporting, rng, vocabulary)
        yield f"{job.stream.name}_{index:06d}", f"{job.stream.name}_patient_{number:06d}", study, report


def write_pairs(job: PairsJob) -> None:
    """Write all studies of a job."""
    folders = {name: job.folder / name for name in ("images", "masks", "lesions")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    _write_json(job.folder / "labels.json", {value: organ for organ, value in LABELS.items()})
    _write_json(folders["lesions"] / "labels.json", {value: name for name, value in LESION_VALUES.items()})
    vocabulary = load_vocabulary()
    with (
        (job.folder / "pairs.csv").open("w", newline="", encoding="utf-8") as table,
        (job.folder / "gold.jsonl").open("w", encoding="utf-8") as gold,
    ):
        rows = csv.writer(table)
        rows.writerow(COLUMNS)
        progress = tqdm(draw_pairs(job, vocabulary), total=job.count, desc=f"{job.stream.name} studies", unit="study")
        for number, (study_id, patient, study, report) in enumerate(progress):
            image = _write_images(folders, study_id, study, job, number)
            regions = " ".join(study.scan.regions)
            rows.writerow([study_id, patient, f"images/{image}", report.text, regions, study.scan.modality])
            gold.write(json.dumps(_gold(study_id, patient, study, report)) + "\n")


def _write_images(folders: dict[str, Path], study_id: str, study: Study, job: PairsJob, number: int) -> str:
    """Write a study's image and masks; returns the file name that all three share."""
    lesions = study.lesion_mask(LESION_VALUES)
    if study.image.shape[0] == 1:
        name = f"{study_id}.png"
        rng = np.random.default_rng(job.stream.window(number))
        write_picture(folders["images"] / name, to_bytes(study.image[0], study.scan, job.population.look, rng))
        write_picture(folders["masks"] / name, study.painting.organs[0])
        if lesions.any():
            write_picture(folders["lesions"] / name, lesions[0])
        return name
    name = f"{study_id}.nii.gz"
    write_volume(folders["images"] / name, study.image, study.scan.grid)
    write_volume(folders["masks"] / name, study.painting.organs, study.scan.grid)
    if lesions.any():
        write_volume(folders["lesions"] / name, lesions, study.scan.grid)
    return name


def _gold(study_id: str, patient: str, study: Study, report: Report) -> dict[str, Any]:
    return {
        "id": study_id,
        "patient": patient,
        "stated": dict(report.tags),
        "visible": list(study.visible_organs),
        "regions": list(study.scan.regions),
        "removed": dict(study.patient.removed),
        "stated_lesions": [list(lesion) for lesion in report.lesions],
        "visible_lesions": [
            {"organ": lesion.organ, "kind": lesion.kind, "diameter_mm": round(lesion.diameter, 1)}
            for lesion in study.visible_lesions
        ],
        "visible_effusions": list(study.visible_effusions),
        "style": report.style,
        "modality": study.scan.modality,
        "contrast": study.scan.contrast_name,
        "spacing": [round(s, 3) for s in study.scan.grid.spacing],
    }


def _write_json(path: Path, content: dict[int, str]) -> None:
    path.write_text(json.dumps({str(key): value for key, value in content.items()}, indent=1) + "\n", encoding="utf-8")
