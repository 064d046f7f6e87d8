import json
import math

import pytest

from nnunetv2_mosmos.trainers.map_effect import MapEffect, chosen_cases

LABELS = ["liver", "spleen", "kidney_left"]


@pytest.mark.parametrize(
    "model",
    [
        ("nnUNetTrainerMOSMOS_smoke", "2d"),
        ("nnUNetTrainerMOSMOS_smoke", "3d_fullres"),
        ("nnUNetTrainerMOSMOS_UNETR_smoke", "3d_fullres"),
    ],
)
def test_after_the_validation_the_maps_are_zeroed_and_shuffled(trained, nnunet_home, model):
    fold = trained[model] / "fold_0"
    effect = json.loads((fold / "map_effect.json").read_text())
    validation = json.loads((nnunet_home.dataset / "splits_final.json").read_text())[0]["val"]
    assert effect["cases"] == sorted(validation)
    assert list(effect["dice"]) == ["maps", "zeroed", "shuffled"]
    for dice in effect["dice"].values():
        assert list(dice) == ["mean", *LABELS]
    for name, changes in effect["change"].items():
        for label, change in changes.items():
            assert change == pytest.approx(effect["dice"][name][label] - effect["dice"]["maps"][label])
    assert effect["injection"].keys() == {"stage 2"}
    assert effect["injection"]["stage 2"] > 0
    log = next(fold.glob("training_log_*.txt")).read_text()
    assert "What the maps are worth, on 2 validation case(s) without mirroring (map_effect.json):" in log
    assert f"Dice mean: {effect['dice']['maps']['mean']:.4f}; with maps zeroed" in log


def test_no_more_than_eight_cases_are_predicted_again():
    keys = [f"case{number:02}" for number in range(20)]
    assert chosen_cases(keys[::-1], 8) == [keys[index] for index in (0, 2, 5, 7, 10, 12, 15, 17)]
    assert chosen_cases(["b", "a"], 8) == ["a", "b"]


def test_a_label_that_no_case_shows_is_null_in_the_file():
    dice = {name: {"mean": 0.5, "liver": 0.5, "spleen": math.nan} for name in ("maps", "zeroed", "shuffled")}
    written = MapEffect(["a"], dice, {"stage 2": 0.1}).to_dict()
    assert written["dice"]["maps"] == {"mean": 0.5, "liver": 0.5, "spleen": None}
    assert written["change"]["zeroed"] == {"mean": 0.0, "liver": 0.0, "spleen": None}
