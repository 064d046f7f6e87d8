import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.phantom.labelled import LabelledJob, label_map, write_labelled
from pretraining.phantom.organs import LABELS
from pretraining.phantom.pairs import PairsJob, write_pairs
from pretraining.phantom.reports.report import Reporting
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import draw_study


def write(folder, population, count):
    write_pairs(
        PairsJob(
            folder=folder,
            stream=Stream(1, "train"),
            count=count,
            studies_per_patient=2,
            population=population,
            reporting=Reporting(),
        )
    )
    with (folder / "pairs.csv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, population):
    folder = tmp_path_factory.mktemp("pairs")
    write(folder, population, 6)
    return folder


def test_every_row_has_its_image_mask_and_gold(folder):
    with (folder / "pairs.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    gold = [json.loads(line) for line in (folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(rows[0]) == ["id", "patient", "image", "report", "region", "modality"]
    assert [row["id"] for row in rows] == [entry["id"] for entry in gold]
    labels = {int(value): organ for value, organ in json.loads((folder / "labels.json").read_text()).items()}
    assert labels == {value: organ for organ, value in LABELS.items()}
    for row, entry in zip(rows, gold, strict=True):
        image, mask = (np.asarray(Image.open(folder / name / f"{row['id']}.png")) for name in ("images", "masks"))
        assert image.shape == mask.shape == (64, 64)
        shown = {labels[value] for value in np.unique(mask) if value}
        assert set(entry["visible"]) <= shown
        assert row["report"]
        assert row["region"] in ("head", "neck", "chest", "abdomen", "pelvis")
    assert rows[0]["patient"] == rows[1]["patient"] != rows[2]["patient"]


def test_a_study_does_not_depend_on_how_many_are_asked_for(folder, population, tmp_path):
    write(tmp_path, population, 3)
    for name in ("train_000000", "train_000002"):
        assert (tmp_path / "images" / f"{name}.png").read_bytes() == (folder / "images" / f"{name}.png").read_bytes()
    assert (folder / "gold.jsonl").read_text().startswith((tmp_path / "gold.jsonl").read_text())


def test_labelled_cases_are_an_nnunet_data_set(tmp_path, population):
    protocol = replace(
        population.protocol, size=(12, 20, 24), spacing=(14.0, 15.0, 15.0), regions=("abdomen",), modalities=("CT",)
    )
    job = LabelledJob(
        folder=tmp_path,
        seed=0,
        train=2,
        test=1,
        organs=("liver", "kidney"),
        population=replace(population, protocol=protocol),
    )
    write_labelled(job)
    content = json.loads((tmp_path / "dataset.json").read_text())
    assert content["labels"] == {"background": 0, "liver": 1, "kidney": 2}
    assert content["channel_names"] == {"0": "CT"}
    assert content["numTraining"] == 2
    image = sitk.ReadImage(str(tmp_path / "imagesTr" / "labelled_0000_0000.nii.gz"))
    label = sitk.ReadImage(str(tmp_path / "labelsTr" / "labelled_0000.nii.gz"))
    assert image.GetSize() == label.GetSize() == (24, 20, 12)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert image.GetOrigin() == label.GetOrigin()
    assert set(np.unique(sitk.GetArrayFromImage(label))) == {0, 1, 2}
    assert (tmp_path / "imagesTs" / "labelledtest_0000_0000.nii.gz").is_file()
    assert (tmp_path / "labelsTs" / "labelledtest_0000.nii.gz").is_file()


def test_volumes_keep_left_and_right_of_the_patient(tmp_path, population):
    protocol = replace(
        population.protocol, size=(30, 24, 32), spacing=(9.0, 13.0, 13.0), regions=("abdomen",), partial=0.0
    )
    rows = write(tmp_path, replace(population, protocol=protocol, habits=replace(population.habits, removals=0)), 1)
    mask = sitk.ReadImage(str(tmp_path / rows[0]["image"].replace("images", "masks")))
    voxels = sitk.GetArrayFromImage(mask)
    for organ, sign in (("kidney_left", 1), ("kidney_right", -1)):
        z, y, x = np.argwhere(voxels == LABELS[organ]).mean(0)
        position = mask.TransformContinuousIndexToPhysicalPoint((float(x), float(y), float(z)))
        # SimpleITK's physical points are LPS: x grows to the patient's left.
        assert np.sign(position[0]) == sign


@pytest.fixture(scope="module")
def sick(population):
    """Heads with several lesions each."""
    habits = replace(population.habits, lesions=6.0, lesion_hosts={"brain": 1.0}, lesion_size=1.6)
    protocol = replace(population.protocol, regions=("head",), key_slices=1.0)
    return replace(population, habits=habits, protocol=protocol)


def test_lesion_masks_name_tags_and_other_kinds(tmp_path, sick):
    write(tmp_path, sick, 12)
    names = {int(value): name for value, name in json.loads((tmp_path / "lesions" / "labels.json").read_text()).items()}
    seen = set()
    for line in (tmp_path / "gold.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        visible = {lesion["kind"] for lesion in entry["visible_lesions"]}
        if visible:
            values = np.unique(np.asarray(Image.open(tmp_path / "lesions" / f"{entry['id']}.png")))
            shown = {names[value] for value in values if value}
            tags = {"mass": "brain_tumor", "hemorrhage": "intracerebral_hemorrhage"}
            assert {tags.get(kind, kind) for kind in visible} <= shown
            seen |= shown
    assert {"brain_tumor", "intracerebral_hemorrhage"} <= seen


def test_labelled_lesions_lie_over_their_organs(sick):
    organs = ("brain", "brain_tumor", "intracerebral_hemorrhage")
    found = np.zeros(4, int)
    for number in range(6):
        study = draw_study(
            Stream(2, "labelled").patient(number, sick.habits), Stream(2, "labelled").study(number), sick
        )
        labels = label_map(study, organs)
        for value, tag in enumerate(organs[1:], start=2):
            spots = [index for index, lesion in enumerate(study.patient.lesions, start=1) if lesion.tag == tag]
            assert np.array_equal(labels == value, np.isin(study.painting.lesions, spots))
        brain = (study.painting.organs == LABELS["brain"]) & (labels < 2)
        assert np.array_equal(labels == 1, brain)
        found += np.bincount(labels.ravel(), minlength=4)
    assert found.all()
