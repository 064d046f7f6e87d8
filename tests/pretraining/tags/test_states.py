"""States become targets: only a report's silence about a region that it does not touch is a negative."""

from __future__ import annotations

import numpy as np
import pytest

from pretraining.tags.states import recognition_targets
from pretraining.tags.vocabulary import Vocabulary, load_vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return load_vocabulary()


def targets(vocabulary: Vocabulary, states: dict[str, str], regions: tuple[str, ...], tags: list[str]) -> list[int]:
    found = recognition_targets(states, regions, vocabulary, tags)
    assert found.dtype == np.int8
    return found.tolist()


def test_present_is_one_and_absent_is_zero(vocabulary):
    states = {"liver": "present", "gallbladder": "absent"}
    assert targets(vocabulary, states, ("abdomen",), ["gallbladder", "liver"]) == [0, 1]


def test_an_organ_of_a_covered_region_is_unknown(vocabulary):
    assert targets(vocabulary, {"liver": "present"}, ("abdomen",), ["spleen"]) == [-1]


def test_an_organ_of_an_adjacent_region_is_unknown(vocabulary):
    assert targets(vocabulary, {"lung": "present"}, ("chest",), ["liver", "thyroid_gland"]) == [-1, -1]


def test_an_organ_of_a_far_region_is_negative(vocabulary):
    assert targets(vocabulary, {"brain": "present"}, ("head",), ["liver", "urinary_bladder", "femur"]) == [0, 0, 0]


def test_one_region_within_reach_is_enough(vocabulary):
    assert set(vocabulary["aorta"].regions) == {"chest", "abdomen"}
    assert targets(vocabulary, {}, ("pelvis",), ["aorta", "brain"]) == [-1, 0]


def test_without_a_region_only_absent_organs_are_negative(vocabulary):
    assert targets(vocabulary, {"spleen": "absent"}, (), ["spleen", "liver", "brain"]) == [0, -1, -1]


def test_an_unknown_tag_is_unknown(vocabulary):
    assert targets(vocabulary, {}, ("head",), ["plica"]) == [-1]


def test_targets_agree_with_a_naive_loop(vocabulary):
    regions = ("head", "neck")
    reached = {"head", "neck", "chest", "spine", "upper_limb"}
    states = {"brain": "present", "larynx": "absent"}
    expected = []
    for tag in vocabulary:
        if tag.id in states:
            expected.append(1 if states[tag.id] == "present" else 0)
        else:
            expected.append(-1 if reached & set(tag.regions) else 0)
    assert targets(vocabulary, states, regions, list(vocabulary.ids)) == expected
