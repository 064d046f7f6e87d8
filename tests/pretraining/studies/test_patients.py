from __future__ import annotations

from pathlib import Path

import pytest

from pretraining.studies.patients import name_patients
from pretraining.studies.records import Record

A, B, C = Path("a.png"), Path("b.png"), Path("c.png")


def patients(records, headers=None, pattern=""):
    return [record.patient for record in name_patients(records, headers or {}, pattern)]


def test_studies_without_patients_are_their_own_unless_they_share_an_image():
    records = [Record(id="1", images=(A, B)), Record(id="2", images=(B,)), Record(id="3", images=(C,))]
    assert patients(records) == ["1", "1", "3"]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        # The third study shows only later that the first two belong together.
        ([("1", "", [A]), ("2", "", [B]), ("3", "", [A, B])], ["1", "1", "1"]),
        ([("1", "", [A]), ("2", "P", [A]), ("3", "", [B])], ["P", "P", "3"]),
        ([("1", "", [A]), ("2", "", [A, B]), ("3", "P", [B, C]), ("4", "Q", [C])], ["P", "P", "P", "Q"]),
    ],
)
def test_studies_that_share_an_image_over_others_are_of_one_patient(records, expected):
    assert patients([Record(id=name, patient=patient, images=tuple(i)) for name, patient, i in records]) == expected


def test_named_patients_who_share_an_image_are_flagged():
    records = [Record(id="1", patient="P", images=(A,)), Record(id="2", patient="Q", images=(A, B))]
    records.append(Record(id="3", patient="R", images=(C,)))
    flags = [record.flags for record in name_patients(records, {})]
    assert flags == [("shares an image with another patient",)] * 2 + [()]


def test_the_table_wins_over_the_header_and_the_header_over_nothing():
    records = [Record(id="1", patient="table", images=(A,)), Record(id="2", images=(B,)), Record(id="3", images=(C,))]
    assert patients(records, {"1": "header", "2": "header"}) == ["table", "header", "3"]


def test_a_pattern_finds_patients_in_paths():
    paths = ["x/SC-HF-1-IM-0001.png", "x/SC-HF-1-IM-0002.png", "x/other.png"]
    records = [Record(id=str(number), images=(Path(path),)) for number, path in enumerate(paths)]
    assert patients(records, pattern=r"(SC-\w+-\d+)") == ["SC-HF-1", "SC-HF-1", "2"]
