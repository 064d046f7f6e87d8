from __future__ import annotations

import pytest

from pretraining.errors import UserError


def test_the_first_layout(read, write, touch, tmp_path):
    touch("data/train/radiology/images/ROCO_00002.jpg", "data/validation/radiology/images/ROCO_00020.jpg")
    write("data/train/radiology/captions.txt", "ROCO_00002\t Axial CT of the liver.\nROCO_00003\tMissing.\n")
    write("data/validation/radiology/captions.txt", "ROCO_00020\tPelvis.\n")
    records, _ = read(format="roco")
    assert [(record.id, record.split, record.report) for record in records] == [
        ("ROCO_00002", "train", "Axial CT of the liver."),
        ("ROCO_00003", "train", "Missing."),
        ("ROCO_00020", "val", "Pelvis."),
    ]
    assert records[0].images == (tmp_path / "data/train/radiology/images/ROCO_00002.jpg",)
    assert not records[1].images[0].exists()


def test_the_first_layouts_tables_name_the_article(read, write, touch, tmp_path):
    touch("test/radiology/images/PMC123_fig-1.jpg")
    write(
        "test/radiology/testdata.csv", "id,name,caption\nROCO_1,PMC123_fig-1.jpg,Liver.\nROCO_2,PMC123_b.jpg,Liver.\n"
    )
    records, _ = read(format="roco")
    assert [record.patient for record in records] == ["PMC123", "PMC123"]
    assert records[0].images == (tmp_path / "test/radiology/images/PMC123_fig-1.jpg",)
    assert records[0].split == "test"


def test_the_second_layout(read, write, touch, tmp_path):
    for split in ("train", "valid", "test"):
        touch(f"{split}/ROCOv2_2023_{split}_000001.jpg")
        write(f"{split}_captions.csv", f"ID,Caption\nROCOv2_2023_{split}_000001,Liver of {split}.\n")
    records, _ = read(format="roco")
    assert {record.split: record.report for record in records} == {
        "train": "Liver of train.",
        "val": "Liver of valid.",
        "test": "Liver of test.",
    }
    assert all(record.images[0].is_file() for record in records)


def test_another_folder_is_a_users_error(read):
    with pytest.raises(UserError, match=r"no captions\.txt"):
        read(format="roco")
