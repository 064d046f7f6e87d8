from __future__ import annotations

from pathlib import Path

from pretraining.studies.merge import ImageNames, image_stem, merge_records
from pretraining.studies.records import Record, Reject

A, B, C = Path("x/a.png"), Path("x/b.png"), Path("x/c.png")


def record(study="", images=(A,), report="Liver.", **fields):
    return Record(id=study, images=tuple(images), report=report, source=fields.pop("source", "t.csv, row 2"), **fields)


def test_rows_with_one_id_and_one_report_are_several_images_of_it():
    studies, rejects = merge_records([record("1", [A]), record("1", [B]), record("1", [C], report="")])
    assert [study.images for study in studies] == [(A, B, C)]
    assert studies[0].report == "Liver."
    assert rejects == []


def test_rows_of_one_image_without_ids_are_several_reports_about_it():
    studies, rejects = merge_records([record(report="Liver."), record(report="Spleen."), record(images=[B])])
    assert [(study.id, study.report) for study in studies] == [("a", "Liver.\nSpleen."), ("b", "Liver.")]
    assert rejects == []


def test_an_id_with_two_reports_is_a_duplicate():
    studies, rejects = merge_records([record("1"), record("1", [B], report="Spleen.")])
    assert [study.images for study in studies] == [(A,)]
    assert rejects == [Reject("1", "x/b.png", "duplicated id '1': t.csv, row 2 has it already, with another report")]


def test_the_same_row_again_is_a_duplicate():
    for study in ("1", ""):
        studies, rejects = merge_records([record(study), record(study)])
        assert len(studies) == 1
        assert "duplicated" in rejects[0].reason


def test_an_id_of_two_patients_is_a_duplicate():
    studies, rejects = merge_records([record("1", patient="p"), record("1", [B], patient="q")])
    assert [study.patient for study in studies] == ["p"]
    assert "another patient" in rejects[0].reason


def test_masks_stay_beside_their_images():
    studies, _ = merge_records([record("1", [A]), record("1", [B], masks=(C,))])
    assert studies[0].masks == (None, C)


def test_rejects_of_the_reader_are_passed_on():
    reject = Reject("row 7", "", "no image is named")
    assert merge_records([reject, record()])[1] == [reject]


def test_images_of_one_name_are_told_apart_by_their_folders():
    names = ImageNames()
    paths = [Path("one/a.png"), Path("two/a.png"), Path("three/two/a.png"), Path("one/a.png")]
    assert [names.name(path) for path in paths] == ["a", "two__a", "three__two__a", "a"]


def test_stems():
    assert [image_stem(Path(name)) for name in ("a.nii.gz", "b.1.png", "folder")] == ["a", "b.1", "folder"]
