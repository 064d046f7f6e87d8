from __future__ import annotations

import pytest

from pretraining.errors import UserError


def test_nnunet_names_and_masks(read, touch, tmp_path):
    touch("imagesTr/kbp_001_0000.nii.gz", "imagesTr/kbp_001_0001.nii.gz", "imagesTr/kbp_002_0000.nii.gz")
    touch("labelsTr/kbp_001.nii.gz")
    records, rejects = read(tmp_path / "imagesTr", images_only=True, mask_root=tmp_path / "labelsTr")
    assert {record.id: len(record.images) for record in records} == {"kbp_001": 2, "kbp_002": 1}
    assert records[0].masks == (tmp_path / "labelsTr/kbp_001.nii.gz",) * 2
    assert records[1].masks == ()
    assert [reject.id for reject in rejects] == ["kbp_002"]


def test_a_pattern_chooses_and_subfolders_name(read, touch, tmp_path):
    touch("a/scan.png", "b/scan.png", "b/mask.png", "b/notes.txt")
    records, _ = read(images_only=True, pattern="*scan*")
    assert [record.id for record in records] == ["a__scan", "b__scan"]
    with pytest.raises(UserError, match="--pattern"):
        read(images_only=True, pattern="*.nrrd")


def test_a_folder_of_dicom_objects_is_one_study(read, write_series, tmp_path):
    write_series(tmp_path / "one" / "series", [0.0, 2.0])
    (record,), _ = read(images_only=True)
    assert record.images == (tmp_path / "one/series",)
    assert record.id == "one__series"


def test_without_images_only_a_folder_is_a_users_error(read, touch):
    touch("a.png")
    with pytest.raises(UserError, match="--images-only"):
        read(format="images")
