from __future__ import annotations

import pytest

from pretraining.errors import UserError
from pretraining.studies.merge import merge_records

HEADER = "VolumeName,ClinicalInformation_EN,Technique_EN,Findings_EN,Impressions_EN\n"


def test_reconstructions_of_a_scan_are_images_of_one_study(read, write, touch, tmp_path):
    touch("dataset/train/train_1/train_1_a/train_1_a_1.nii.gz", "dataset/train/train_1/train_1_a/train_1_a_2.nii.gz")
    rows = "".join(f"train_1_a_{number}.nii.gz,Cough,CT,Trachea open,Normal\n" for number in (1, 2))
    write("train_reports.csv", HEADER + rows)
    write("validation_reports.csv", HEADER + "valid_7_b_1.nii.gz,,,Heart ok,\n")
    records, rejects = read(format="ct-rate")
    studies, _ = merge_records(records)
    assert [(study.id, study.patient, study.split) for study in studies] == [
        ("train_1_a", "train_1", "train"),
        ("valid_7_b", "valid_7", "val"),
    ]
    assert [image.parent.name for image in studies[0].images] == ["train_1_a", "train_1_a"]
    assert studies[0].report == "HISTORY: Cough\nTECHNIQUE: CT\nFINDINGS: Trachea open\nIMPRESSION: Normal"
    assert (studies[0].modality, studies[0].regions) == ("CT", ("chest",))
    assert rejects == []


def test_a_table_of_other_names(read, write):
    (record,), _ = read(write("my.csv", "VolumeName,Findings_EN\nscan7.nii.gz,Liver\n"), format="ct-rate")
    assert (record.id, record.images[0].name) == ("", "scan7.nii.gz")


def test_another_folder_is_a_users_error(read):
    with pytest.raises(UserError, match=r"no \*reports\*\.csv"):
        read(format="ct-rate")
