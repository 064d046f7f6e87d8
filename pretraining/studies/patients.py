"""Whose study it is: as the input says, as the images' headers say, or else by which studies share an image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pretraining.studies.records import Record


def name_patients(records: Iterable[Record], header_patients: Mapping[str, str], pattern: str = "") -> list[Record]:
    """Give every study a patient.

    Args:
        records: studies; `patient` is empty where the input does not say.
        header_patients: study id -> the patient id in its images' headers, where there is one.
        pattern: a regular expression; its first group in the path of a study's first image is the patient.

    Returns:
        The studies. One whose patient nobody names is a patient of its own, shared with studies that share an image.
    """
    result: list[Record] = []
    owners: dict[Path, str] = {}
    for record in records:
        shared = next((owners[image] for image in record.images if image in owners), "")
        in_path = re.search(pattern, record.images[0].as_posix()) if pattern and record.images else None
        named = record.patient or (in_path[1] if in_path else "") or header_patients.get(record.id, "")
        patient = named or shared or record.id
        for image in record.images:
            owners.setdefault(image, patient)
        result.append(replace(record, patient=patient))
    return result
