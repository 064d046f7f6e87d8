from __future__ import annotations

import pytest

from pretraining.errors import UserError


def test_nnunet_names_and_masks(read, touch, tmp_path):
    touch(*(f"imagesTr/kbp_00{case}_000{channel}.nii.gz" for case in (1, 2) for channel in (0, 1)))
    touch("labelsTr/kbp_001.nii.gz")
    records, rejects = read(tmp_path / "imagesTr", images_only=True, mask_root=tmp_path / "labelsTr")
    assert {record.id: len(record.images) for record in records} == {"kbp_001": 2, "kbp_002": 2}
    assert records[0].masks == (tmp_path / "labelsTr/kbp_001.nii.gz",) * 2
    assert records[1].masks == ()
    assert [reject.id for reject in rejects] == ["kbp_002"]


@pytest.mark.parametrize(
    ("names", "studies"),
    [
        (["amos_0001", "amos_0002", "amos_0004"], 3),
        (["amos_0000", "amos_0002"], 2),
        (["case_0000"], 1),
        ([f"case_{channel:04}" for channel in range(8)], 1),
        ([f"IMG_{number:04}" for number in range(9)], 9),
        ([f"{case}_{channel:04}" for case in "ab" for channel in range(9)], 2),
        (["a_0000", "a_0001", "b_0000"], 3),
    ],
)
def test_only_numbers_of_channels_are_channels(read, touch, names, studies):
    touch(*(f"{name}.nii.gz" for name in names))
    records, _ = read(images_only=True)
    assert len(records) == studies
    assert studies < len(names) or {record.id for record in records} <= {*names, "case"}


def test_a_channel_chosen_by_pattern_keeps_the_name_of_its_case(read, touch):
    touch(*(f"{case}_000{channel}.nii.gz" for case in "ab" for channel in range(4)))
    records, _ = read(images_only=True, pattern="*_0001.nii.gz")
    assert [(record.id, record.images[0].name) for record in records] == [
        ("a", "a_0001.nii.gz"),
        ("b", "b_0001.nii.gz"),
    ]


def test_masks_lie_at_the_paths_of_the_images_or_have_a_name_of_their_own(read, touch, tmp_path):
    touch(*(f"images/{name}.nii.gz" for name in ("p1/ct", "p2/ct", "p3/ct", "p3/mr", "p4/pet_0000", "p4/pet_0001")))
    touch(*(f"masks/{name}" for name in ("p1/ct.nrrd", "p2/ct.nii.gz", "mr.nii.gz", "p4/pet.nii.gz")))
    records, rejects = read(tmp_path / "images", images_only=True, mask_root=tmp_path / "masks")
    found = {
        record.id: [mask and mask.relative_to(tmp_path / "masks").as_posix() for mask in record.masks]
        for record in records
    }
    assert found == {
        "p1__ct": ["p1/ct.nrrd"],
        "p2__ct": ["p2/ct.nii.gz"],
        "p3__ct": [],
        "p3__mr": ["mr.nii.gz"],
        "p4__pet": ["p4/pet.nii.gz"] * 2,
    }
    reason = f"2 masks of its name below {tmp_path / 'masks'}, and no single one at its path: taken without"
    assert [(reject.id, reject.reason) for reject in rejects] == [("p3__ct", reason)]


def test_images_are_no_masks_of_themselves(read, touch, tmp_path):
    touch("images/a.png", "labels/a.png")
    records, _ = read(images_only=True, mask_root=tmp_path, pattern="images/*")
    assert [record.masks for record in records] == [(tmp_path / "labels/a.png",)]


def test_a_mask_root_that_is_no_folder_is_a_users_error(read, touch, tmp_path):
    touch("a.png")
    with pytest.raises(UserError, match=r"maskz is not a folder \(--mask-root\)"):
        read(images_only=True, mask_root=tmp_path / "maskz")


def test_a_pattern_chooses_and_subfolders_name(read, touch, tmp_path):
    touch("a/scan.png", "b/scan.png", "b/mask.png", "b/notes.txt")
    records, _ = read(images_only=True, pattern="*scan*")
    assert [record.id for record in records] == ["a__scan", "b__scan"]
    with pytest.raises(UserError, match="--pattern"):
        read(images_only=True, pattern="*.nrrd")


def test_a_folder_of_dicom_objects_is_one_study(read, write_series, tmp_path):
    write_series(tmp_path / "one" / "series_0000", [0.0, 2.0])
    (record,), _ = read(images_only=True)
    assert record.images == (tmp_path / "one/series_0000",)
    assert record.id == "one__series_0000"


def test_without_images_only_a_folder_is_a_users_error(read, touch):
    touch("a.png")
    with pytest.raises(UserError, match="--images-only"):
        read(format="images")
