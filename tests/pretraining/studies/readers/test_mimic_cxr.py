from __future__ import annotations

import gzip

import pytest

from pretraining.errors import UserError


def test_images_beside_the_reports(read, write, touch, tmp_path):
    write("files/p10/p10000032/s50414267.txt", "FINDINGS:\nThe lungs are clear.\n")
    write("files/p10/p10000032/s53189527.txt", "No image.")
    touch("files/p10/p10000032/s50414267/aa.jpg", "files/p10/p10000032/s50414267/bb.jpg")
    touch("files/p10/p10000764/s57375967/cc.jpg")
    (record,), rejects = read(format="mimic-cxr")
    assert (record.id, record.patient, record.modality) == ("s50414267", "p10000032", "XR")
    assert [image.name for image in record.images] == ["aa.jpg", "bb.jpg"]
    assert record.report == "FINDINGS:\nThe lungs are clear."
    assert {reject.id: reject.reason.split(" of ")[0] for reject in rejects} == {
        "s53189527": "no image",
        "s57375967": "no report",
    }


def test_the_record_list_and_the_split_table(read, write, touch, tmp_path):
    write("reports/files/p10/p10000032/s1.txt", "Clear.")
    touch("jpg/x/aa.jpg")
    write("reports/cxr-record-list.csv", "subject_id,study_id,dicom_id,path\n10000032,1,aa,files/aa.dcm\n")
    with gzip.open(tmp_path / "reports/mimic-cxr-2.0.0-split.csv.gz", "wt") as file:
        file.write("dicom_id,study_id,subject_id,split\naa,1,10000032,validate\n")
    (record,), rejects = read(tmp_path / "reports", format="mimic-cxr", image_root=tmp_path / "jpg")
    assert record.images == (tmp_path / "jpg/x/aa.jpg",)
    assert record.split == "val"
    assert rejects == []


def test_another_folder_is_a_users_error(read):
    with pytest.raises(UserError, match="holds no MIMIC-CXR reports"):
        read(format="mimic-cxr")
