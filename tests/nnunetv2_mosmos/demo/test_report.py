from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from nnunetv2_mosmos.demo.report import dice_section, pairs_section, prediction_row, retrieval_section
from nnunetv2_mosmos.demo.results import Results
from nnunetv2_mosmos.demo.settings import FULL
from pretraining.studies.arrays import write_array
from pretraining.studies.manifest import Study
from pretraining.tags.vocabulary import load_vocabulary


def save(path, voxels):
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))


def study(name, report, tags=None):
    return Study(id=name, patient=name, split="test", images=(f"{name}.b2nd",), report=report, tags=tags or {})


@pytest.fixture
def prepared(tmp_path):
    studies = [study(name, f"Technique: CT. Findings: {name} here.", {"liver": "present"}) for name in "abcde"]
    for one in studies:
        write_array(tmp_path / one.images[0], np.zeros((1, 8, 8), np.uint8), {})
    return tmp_path, studies


def test_pairs_are_spread_over_the_training_studies(prepared):
    section = pairs_section(*prepared, load_vocabulary())
    assert [card.text for card in section.cards] == ["a here.", "b here.", "c here.", "d here."]


def test_what_a_missing_organ_implies_is_no_tag_to_look_at(prepared):
    folder, studies = prepared
    tags = {"liver": "absent", "liver_segment_1": "absent", "kidney": "present", "kidney_left": "absent"}
    section = pairs_section(folder, [replace(studies[0], tags=tags)], load_vocabulary())
    assert section.cards[0].tags == {"liver": "absent", "kidney": "present", "kidney_left": "absent"}


def test_retrieval_examples_mark_the_right_report_and_give_its_rank_where_it_is_far(prepared):
    folder, studies = prepared
    scores = {name: {"value": 0.5, "chance": 0.2} for name in ("r1", "r5")}
    evaluation = {
        "overall": {"retrieval": {"candidates": 5, "image_to_report": scores}},
        "examples": [
            {"study": "a", "rank": 1.0, "nearest": ["a", "b"]},
            {"study": "c", "rank": 4.5, "nearest": ["b", "a"]},
        ],
    }
    section = retrieval_section(folder, {one.id: one for one in studies}, evaluation)
    assert "50.0% of the images (chance 20.0%)" in section.verdict
    found = [[(one.place, one.text, one.right) for one in card.found] for card in section.cards]
    assert found == [
        [("1.", "a here.", True), ("2.", "b here.", False)],
        [("1.", "b here.", False), ("2.", "a here.", False), ("4.5.", "c here.", True)],
    ]


RESULTS = Results(
    cases={"2d": {"a": {"liver": 0.8, "heart": 0.6}}, "3d_fullres": {"a": {"liver": 0.9, "heart": 0.7}}},
    control={"a": {"liver": 0.1}},
    effects={"2d": 0.0, "3d_fullres": 0.0},
    evaluation={},
)


def test_dice_stands_beside_training_from_scratch_with_the_labelled_budget():
    section = dice_section(RESULTS, FULL)
    assert section.table == (
        ["organ", "2d", "3d_fullres", "2d from scratch"],
        [["liver", "0.80", "0.90", "0.10"], ["heart", "0.60", "0.70", "–"], ["mean", "0.70", "0.80", "0.10"]],
    )
    assert f"{FULL.labelled} labelled volumes" in section.text
    assert "+0.600, better on 1 of 1 test cases" in section.verdict
    assert "decoration" in section.verdict


def test_a_prediction_is_shown_at_the_slice_with_most_organs(tmp_path):
    label = np.zeros((3, 8, 8), np.uint8)
    label[2, 2:4, 2:4], label[2, 5:7, 5:7] = 1, 2
    for name, voxels in (("imagesTs/a_0000", label * 50), ("labelsTs/a", label), ("found/a", label)):
        save(tmp_path / f"{name}.nii.gz", voxels)
    row = prediction_row(tmp_path, "a.nii.gz", {"2d": tmp_path / "found"}, 2)
    image, truth, found = row.tiles
    assert [tile.caption for tile in row.tiles] == ["image", "label", "2d"]
    assert truth.picture == found.picture != image.picture
