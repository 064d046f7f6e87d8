from __future__ import annotations

import numpy as np
import pytest

from pretraining.errors import UserError


@pytest.fixture
def studies(tmp_path, write_series):
    """Two studies: one in a folder of two series, one in a folder of its own."""
    root = tmp_path / "dicom"
    write_series(root / "case1" / "s1", [0.0, 2.0], study="1.1", series="1.1.1", accession="A1", patient="P1")
    write_series(root / "case1" / "s2", [0.0, 2.0], study="1.1", series="1.1.2", accession="A1", patient="P1")
    write_series(root / "case2", [0.0, 2.0], study="1.2", series="1.2.1", accession="A2", patient="P2")
    return root


def test_text_files_in_and_beside_the_folders(read, studies):
    (studies / "case1" / "report.txt").write_text("Liver normal.")
    (studies / "case2.txt").write_text("Spleen normal.")
    (studies / "readme.txt").write_text("Of no study.")
    records, rejects = read(studies, "dicom")
    assert {record.id: record.report for record in records} == {"A1": "Liver normal.", "A2": "Spleen normal."}
    assert {record.patient for record in records} == {"P1", "P2"}
    assert records[0].images == (studies / "case1/s1", studies / "case1/s2")
    assert [(reject.id, reject.reason) for reject in rejects] == [
        ("readme", "the text file readme.txt belongs to no DICOM study")
    ]


@pytest.mark.parametrize(("column", "key"), [("id", "1.1"), ("AccessionNumber", "A1"), ("case", "case1")])
def test_a_table_names_studies_by_uid_accession_or_folder(read, studies, tmp_path, column, key):
    table = tmp_path / "reports.csv"
    table.write_text(f"{column},report\n{key},Liver normal.\nX9,Nobody.\n")
    (record,), rejects = read(table, "dicom", image_root=studies)
    assert (record.report, record.patient) == ("Liver normal.", "P1")
    assert record.images == (studies / "case1/s1", studies / "case1/s2")
    assert {reject.id: reject.reason.split(" ")[0] for reject in rejects} == {"X9": "no", "A2": "no"}


def test_a_row_without_an_id_is_of_no_study(read, tmp_path, write_series):
    write_series(tmp_path / "dicom" / "a", [0.0, 2.0], accession="")
    table = tmp_path / "reports.csv"
    table.write_text("id,report\n,Somebody else's liver.\n")
    records, rejects = read(table, "dicom", image_root=tmp_path / "dicom")
    assert records == []
    assert rejects[0].reason == "the row names no study: its id is empty (--id-column)"


@pytest.mark.parametrize("columns", ["id,report,mask\nA2,Liver,", "id,image,report,mask\nA2,case2,Liver,"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_table_gives_an_image_its_mask(read, studies, tmp_path, columns, count):
    table = tmp_path / "reports.csv"
    table.write_text(columns + ";".join(["m.nii.gz"] * count) + "\n")
    records, rejects = read(table, "dicom", image_root=studies)
    if count == 1:
        assert records[0].masks == (studies / "m.nii.gz",)
    else:
        assert (records, rejects[0].reason) == ([], "2 masks for 1 images")


def test_a_dicomdir_is_no_study(read, studies):
    (studies / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    assert [reject.image for reject in read(studies, "dicom", images_only=True)[1]] == []


def test_studies_without_reports_are_rejected_unless_images_only(read, studies):
    records, rejects = read(studies, "dicom")
    assert (records, [reject.id for reject in rejects]) == ([], ["A1", "A2"])
    records, rejects = read(studies, "dicom", images_only=True)
    assert ([record.id for record in records], rejects) == (["A1", "A2"], [])


def test_a_flat_folder_of_several_studies_is_told_apart(read, tmp_path, write_dicom):
    for number in (1, 2):
        pixels = np.eye(8, dtype=np.uint16)
        write_dicom(
            tmp_path / f"{number}.dcm", pixels, modality="DX", study=f"9.{number}", accession="", series=f"8.{number}"
        )
        (tmp_path / f"{number}.txt").write_text(f"Report {number}.")
    records, rejects = read(tmp_path, "dicom")
    assert [(record.images[0].name, record.report) for record in records] == [
        ("1.dcm", "Report 1."),
        ("2.dcm", "Report 2."),
    ]
    assert rejects == []


def test_a_folder_without_studies_is_a_users_error(read, tmp_path):
    with pytest.raises(UserError, match="no DICOM study"):
        read(tmp_path, "dicom")
