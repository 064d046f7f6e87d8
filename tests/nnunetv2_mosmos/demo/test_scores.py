import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from nnunetv2_mosmos.demo.results import Results, describe
from nnunetv2_mosmos.demo.scores import MappedStudy, dataset_labels, dice, dice_per_organ, localization
from pretraining.phantom.organs import LABELS


def save(path, voxels):
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(voxels.astype(np.uint8)), str(path))


def test_dice_by_hand():
    a, b = np.array([1, 1, 1, 0], bool), np.array([0, 1, 1, 1], bool)
    assert dice(a, b) == pytest.approx(2 * 2 / 6)
    assert dice(a, ~a) == 0
    assert math.isnan(dice(np.zeros(3, bool), np.zeros(3, bool)))


def test_dice_is_averaged_over_the_cases_that_have_the_organ(tmp_path):
    truth = np.zeros((2, 4, 4))
    truth[0, :2], truth[1, :2] = 1, 2
    half = truth.copy()
    half[0, 0] = 0
    save(tmp_path / "truth" / "a.nii.gz", truth)
    save(tmp_path / "truth" / "b.nii.gz", np.where(truth == 2, 0, truth))
    save(tmp_path / "found" / "a.nii.gz", half)
    save(tmp_path / "found" / "b.nii.gz", np.where(truth == 2, 0, truth))
    found = dice_per_organ(tmp_path / "found", tmp_path / "truth", {"liver": 1, "heart": 2, "lung": 3})
    assert found == {"liver": pytest.approx((2 * 4 / 12 + 1) / 2), "heart": 1.0}


def test_labels_come_without_the_background(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1, "lung": 2}}))
    assert dataset_labels(tmp_path) == {"liver": 1, "lung": 2}


def mapped(values_of):
    """A slice with the liver on its left half and the left kidney in a corner."""
    mask = np.zeros((10, 10), np.uint8)
    mask[:, :5] = LABELS["liver"]
    mask[:3, 7:] = LABELS["kidney_left"]
    maps = {tag: values_of(tag, mask) for tag in ("liver", "kidney", "spleen")}
    return MappedStudy("one", np.zeros((10, 10), np.uint8), mask, maps)


def test_maps_are_scored_on_the_organs_that_are_there():
    def perfect_but_for_the_kidney(tag, mask):
        where = {"liver": mask == LABELS["liver"], "kidney": mask != LABELS["kidney_left"]}.get(tag, mask == 0)
        return where.astype(np.float32)

    scores = localization([mapped(perfect_but_for_the_kidney)], ["liver", "kidney", "spleen"])
    assert scores["liver"]["auroc"] == 1.0
    assert scores["kidney"]["auroc"] == 0.0, "a pair's map is scored on both of its sides"
    assert "spleen" not in scores


def results(dice_2d, auroc):
    maps = {"liver": {"auroc": auroc, "average_precision": 0.5, "hit": 1.0, "prevalence": 0.1, "studies": 3}}
    return Results({"2d": {"liver": dice_2d, "heart": 0.6}, "3d_fullres": {"liver": 0.9, "heart": 0.7}}, maps)


def test_demands_are_named_when_missed():
    assert results(0.8, 0.7).shortfalls() == []
    low = results(0.2, 0.55).shortfalls()
    assert len(low) == 2
    assert "2d" in low[0]
    assert "AUROC" in low[1]
    assert len(results(float("nan"), float("nan")).shortfalls()) == 2


def test_the_terminal_gets_every_organ_and_the_means():
    text = describe(results(0.8, 0.7))
    assert text.count("liver") == 3
    assert "mean            0.70" in text
    assert "mean            0.80" in text
