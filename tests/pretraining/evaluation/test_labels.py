import json

import pytest

from pretraining.errors import UserError
from pretraining.evaluation.labels import read_labels
from pretraining.tags.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()


def write(folder, name, content):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))


@pytest.mark.parametrize("content", [{"liver": 4, "Right Kidney": 2}, {"4": "liver", "2": "Right Kidney"}])
def test_names_to_values_or_values_to_names(content, tmp_path):
    write(tmp_path, "labels.json", content)
    assert read_labels(tmp_path, VOCABULARY).values == {"liver": (4,), "kidney_right": (2,)}


def test_a_name_that_comes_again_has_all_of_its_values(tmp_path):
    write(tmp_path, "labels.json", {"0": "background", "1": "liver", "2": "spleen", "3": "liver"})
    assert read_labels(tmp_path, VOCABULARY).values == {"liver": (1, 3), "spleen": (2,)}


def test_nnunet_layout_with_regions_and_an_ignore_label(tmp_path):
    labels = {"background": 0, "liver": [1, 2], "liver tumor": 2, "thingamajig": 3, "ignore": 4}
    write(tmp_path, "dataset.json", {"labels": labels})
    found = read_labels(tmp_path / "labelsTr", VOCABULARY)
    assert found.values == {"liver": (1, 2), "liver_tumor": (2,)}
    assert found.tags == {"liver": "liver", "liver tumor": "liver_tumor", "thingamajig": None}
    assert found.ignore == 4


def test_a_pair_is_both_of_its_sides_and_an_organ_has_its_parts(tmp_path):
    write(tmp_path, "labels.json", {"kidney_left": 1, "kidney_right": 2, "liver": 3, "liver_tumor": 4, "lung_left": 5})
    values = read_labels(tmp_path, VOCABULARY).values
    assert values["kidney"] == (1, 2)
    assert values["liver"] == (3, 4)
    assert "lung" not in values, "one side is not the pair"


def test_an_organ_has_the_parts_of_parts_that_have_no_label(tmp_path):
    write(tmp_path, "labels.json", {"vertebrae": 1, "vertebrae_L1": 2, "vertebrae_C3": 3})
    values = read_labels(tmp_path, VOCABULARY).values
    assert values["vertebrae"] == (1, 2, 3)
    assert "vertebrae_lumbar" not in values, "there may be more of it than L1"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no labels.json"),
        (["liver"], "not an object of names and values"),
        ({"liver": "one"}, "not an object of names and values"),
        ({"thing": 1}, "names no organ"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(content, said, tmp_path):
    folder = tmp_path / "a" / "masks"
    folder.mkdir(parents=True)
    if content is not None:
        write(folder, "labels.json", content)
    with pytest.raises(UserError, match=said):
        read_labels(folder, VOCABULARY)
