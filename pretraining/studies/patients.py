"""Whose study it is: as the input says, as the images' headers say, or else by which studies share an image."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pretraining.studies.records import Record


def name_patients(records: Sequence[Record], header_patients: Mapping[str, str], pattern: str = "") -> list[Record]:
    """Give every study a patient.

    Args:
        records: studies; `patient` is empty where the input does not say.
        header_patients: study id -> the patient id in its images' headers, where there is one.
        pattern: a regular expression; its first group in the path of a study's first image is the patient.

    Returns:
        The studies. Those that share images, directly or through others, are a group: one whose patient nobody names is
        of the first patient who is named in its group, or else of one called like the group's first study. Those that
        share an image with another patient's, because the input says so, are flagged.
    """
    named = [_named(record, header_patients, pattern) for record in records]
    groups = _groups(records)
    patients: dict[int, str] = {}
    for group, name in zip(groups, named, strict=True):
        if name:
            patients.setdefault(group, name)
    result = [
        replace(record, patient=name or patients.get(group, records[group].id))
        for record, name, group in zip(records, named, groups, strict=True)
    ]
    owners: dict[Path, set[str]] = defaultdict(set)
    for record in result:
        for image in record.images:
            owners[image].add(record.patient)
    return [
        replace(record, flags=(*record.flags, "shares an image with another patient"))
        if any(len(owners[image]) > 1 for image in record.images)
        else record
        for record in result
    ]


def _named(record: Record, header_patients: Mapping[str, str], pattern: str) -> str:
    """The patient that the input, the path or the header names; empty when none does."""
    in_path = re.search(pattern, record.images[0].as_posix()) if pattern and record.images else None
    return record.patient or (in_path[1] if in_path else "") or header_patients.get(record.id, "")


def _groups(records: Sequence[Record]) -> list[int]:
    """For each study, the number of the first one with which it shares an image, directly or through others."""
    earlier = list(range(len(records)))

    def first(number: int) -> int:
        while earlier[number] != number:
            earlier[number] = earlier[earlier[number]]
            number = earlier[number]
        return number

    owners: dict[Path, int] = {}
    for number, record in enumerate(records):
        for image in record.images:
            one, other = sorted((first(number), first(owners.setdefault(image, number))))
            earlier[other] = one
    return [first(number) for number in range(len(records))]
