import pytest

from nnunetv2_mosmos.demo import verdicts


def retrieval(first, five):
    values = {name: {"value": value, "chance": top / 100} for name, value, top in (("r1", first, 1), ("r5", five, 5))}
    return {"candidates": 100, "image_to_report": values}


@pytest.mark.parametrize(
    ("five", "words"),
    [
        (0.05, "chance does as well"),
        (0.09, "chance does as well"),
        (0.5, "10.0 times chance"),
        (0.0, "worse than chance"),
    ],
)
def test_retrieval_is_judged_against_chance_and_its_spread(five, words):
    text = verdicts.retrieval_words(retrieval(0.02, five))
    assert words in text
    assert "2.0% of the images (chance 1.0%)" in text
    assert f"{five:.1%} (chance 5.0%)" in text


def test_retrieval_that_was_not_measured_says_why():
    assert verdicts.retrieval_words({"not_available": "no reports"}) == "Not available: no reports."


def located(attention, prior):
    return {
        "attention": {"auroc": attention},
        "prior": None if prior is None else {"auroc": prior},
        "brightness": {"auroc": 0.8},
    }


def test_maps_are_judged_against_where_organs_usually_lie():
    worse = verdicts.map_words({"liver": located(0.7, 0.9), "spleen": located(0.9, 0.8), "heart": located(0.1, None)})
    assert "Over these 2 organs the maps reach a mean AUROC of 0.80" in worse
    assert "reaches 0.85, and the image itself, taken for a map, 0.80" in worse
    assert "say less than where an organ usually lies; they beat that on 1 of 2 organs, and brightness on 1." in worse
    assert "say more than" in verdicts.map_words({"liver": located(0.9, 0.8)})
    assert "No organ" in verdicts.map_words({"heart": located(0.9, None)})


def test_zeroed_maps_tell_use_from_decoration():
    assert "decoration" in verdicts.effect_words({"2d": -0.0002, "3d": 0.004})
    needed = verdicts.effect_words({"2d": -0.2, "3d": 0.05})
    assert "-0.2000 in 2d, +0.0500 in 3d" in needed
    assert "needs them in 2d" in needed
    assert "better without them in 3d" in needed
    assert "decoration" not in needed
    assert "could not be measured" in verdicts.effect_words({"2d": float("nan"), "3d": 0.0})


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ([0.9, 0.8], "helps on every one"),
        ([0.7, 0.6], "helps on none"),
        ([0.802, 0.702], "no clear difference"),
        ([0.99, 0.69], "no clear difference"),
    ],
)
def test_pretraining_is_judged_by_the_mean_and_by_every_case(ours, words):
    text = verdicts.gain_words(ours, [0.8, 0.7])
    assert words in text
    assert "of 2 test cases" in text
    assert "luck" in text
