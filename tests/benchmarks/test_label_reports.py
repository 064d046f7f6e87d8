import csv
import json
from itertools import pairwise

import numpy as np
import pytest
import SimpleITK as sitk

from benchmarks.label_reports import Options, block_slices, main, write_report
from pretraining.tags.miner import TagMiner
from pretraining.tags.rules import load_rules
from pretraining.tags.vocabulary import load_vocabulary

NAMES = "liver;left kidney;right kidney"
SPACING = (2.0, 2.0, 5.0)


@pytest.fixture
def volumes(tmp_path):
    """A table of one volume, 40 slices of 5 mm: liver in slices 10 to 30, a left kidney in slices 2 to 6."""
    labels = np.zeros((40, 8, 8), np.uint8)
    labels[10:30, :5] = 1
    labels[2:6, 6:] = 2
    for name, array in (("ct_0000", labels * np.int16(100)), ("labels", labels)):
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(SPACING)
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    table = tmp_path / "volumes.csv"
    table.write_text(f"image,labels,modality,names\n{tmp_path}/ct_0000.nii.gz,{tmp_path}/labels.nii.gz,CT,{NAMES}\n")
    return table


def test_reports_say_what_the_labels_show_and_nothing_of_organs_without_labels(volumes, tmp_path, capsys):
    assert main(Options(volumes, tmp_path / "made", block_mm=100)) == 0
    assert "3 studies of 1 patients, with reports made from labels" in capsys.readouterr().out
    pairs = list(csv.DictReader((tmp_path / "made" / "pairs.csv").open()))
    assert [(pair["id"], pair["patient"], pair["modality"]) for pair in pairs] == [
        (f"ct_block{number}", "ct", "CT") for number in (1, 2, 3)
    ]
    # 4 slices of 2 x 8 voxels of 20 mm³, and 10 of 5 x 8.
    assert pairs[0]["report"] == "The liver is partly seen, about 8 ml. The left kidney is seen, about 1 ml."
    assert pairs[1]["report"] == "The liver is partly seen, about 20 ml. The left kidney is not in the field of view."
    values = json.loads((tmp_path / "made" / "masks" / "labels.json").read_text())
    assert set(values) == {"liver", "kidney_left"}
    for pair, part in zip(pairs, (slice(0, 20), slice(10, 30), slice(20, 40)), strict=True):
        image, mask = (
            sitk.ReadImage(str(tmp_path / "made" / folder / f"{pair['id']}.nii.gz")) for folder in ("images", "masks")
        )
        assert image.GetOrigin() == mask.GetOrigin() == pytest.approx((0, 0, 5 * part.start))
        assert np.array_equal(sitk.GetArrayFromImage(image) == 100, sitk.GetArrayFromImage(mask) == values["liver"])
        assert {"liver", "kidney_left"} <= set(TagMiner().mine(pair["report"]).tags)


def test_a_volume_that_is_listed_twice_is_one_sentence(volumes, tmp_path, capsys):
    header, row = volumes.read_text().splitlines()
    volumes.write_text("\n".join((header, row, row.replace("CT", "MR"))))
    assert main(Options(volumes, tmp_path / "made")) == 1
    assert "would be one patient: leave one of them out" in capsys.readouterr().err


def test_a_report_is_mined_as_what_the_labels_show():
    vocabulary, miner = load_vocabulary(), TagMiner()
    # The miner takes no report's word that these are missing, and knows a ventricle by its side's own name only.
    unlike = load_rules().never_absent | {"heart_ventricle", "heart_ventricle_left", "heart_ventricle_right"}
    for organ, tag in enumerate(vocabulary.ids, 1):
        for array, state in ((np.full((3, 1, 1), organ), "present"), (np.zeros((3, 1, 1)), "absent")):
            if tag not in unlike:
                assert miner.mine(write_report(array, [organ], 0.123, vocabulary)).tags.get(tag) == state, tag


def test_equal_file_names_of_two_folders_are_two_patients(volumes, tmp_path):
    folder = tmp_path / "s0002"
    folder.mkdir()
    image = sitk.ReadImage(str(tmp_path / "ct_0000.nii.gz")) + 1
    sitk.WriteImage(image, str(folder / "ct.nii.gz"))
    with volumes.open("a") as table:
        table.write(f"{folder}/ct.nii.gz,{tmp_path}/labels.nii.gz,CT,{NAMES}\n")
    assert main(Options(volumes, tmp_path / "made", block_mm=1000)) == 0
    pairs = list(csv.DictReader((tmp_path / "made" / "pairs.csv").open()))
    assert [(pair["id"], pair["patient"]) for pair in pairs] == [
        ("ct_block1", "ct"),
        ("s0002__ct_block1", "s0002__ct"),
    ]
    written = [sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "made" / pair["image"]))).min() for pair in pairs]
    assert written == [0, 1]


@pytest.mark.parametrize(
    ("depth", "spacing", "height"),
    [(20, 3.0, 160.0), (128, 2.5, 160.0), (112, 3.0, 100.0), (7, 1.0, 0.1), (4, 5.0, 5.0)],
)
def test_blocks_are_of_one_height_and_overlap_by_half_or_more(depth, spacing, height):
    blocks = block_slices(depth, spacing, height)
    assert (blocks[0].start, blocks[-1].stop) == (0, depth)
    (size,) = {block.stop - block.start for block in blocks}
    assert size == min(depth, max(1, round(height / spacing)))
    assert all(0 < after.start - before.start <= max(1, size // 2 + 1) for before, after in pairwise(blocks))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "modality",
            "kind",
            "needs a line a volume, with image and labels, below the header image,labels,modality,names",
        ),
        (NAMES, "", "has no table of its labels"),
        ("left kidney", "left flank", "no organ tag is named 'left flank'"),
        ("labels.nii.gz", "none.nii.gz", "none.nii.gz: the file is missing"),
        (f",CT,{NAMES}", "", "labels.nii.gz has no table of its labels"),
        (f"{NAMES}\n", f"{NAMES}\n,labels.nii.gz,CT,liver\n", "needs a line a volume, with image and labels"),
    ],
)
def test_a_wrong_table_is_one_sentence(volumes, tmp_path, capsys, old, new, message):
    volumes.write_text(volumes.read_text().replace(old, new))
    assert main(Options(volumes, tmp_path / "made")) == 1
    assert message in capsys.readouterr().err
