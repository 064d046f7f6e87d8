import json
import math

import numpy as np
import pytest
import SimpleITK as sitk

from nnunetv2_mosmos.demo.scores import dataset_labels, dice, dice_per_case, dice_per_organ


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
    cases = dice_per_case(tmp_path / "found", tmp_path / "truth", {"liver": 1, "heart": 2, "lung": 3})
    assert cases == {"a.nii.gz": {"liver": pytest.approx(2 * 4 / 12), "heart": 1.0}, "b.nii.gz": {"liver": 1.0}}
    assert dice_per_organ(cases) == {"liver": pytest.approx((2 * 4 / 12 + 1) / 2), "heart": 1.0}


def test_labels_come_without_the_background(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1, "lung": 2}}))
    assert dataset_labels(tmp_path) == {"liver": 1, "lung": 2}
