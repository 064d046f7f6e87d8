import pytest

from nnunetv2_mosmos.labels.tags import foreground_labels, resolve_label_tags, tags_of
from pretraining.errors import UserError
from pretraining.tags.vocabulary import load_vocabulary


@pytest.fixture(scope="module")
def vocabulary():
    return load_vocabulary()


def test_background_and_ignore_are_no_labels_and_regions_keep_their_values():
    labels = {"background": 0, "whole tumor": [1, 2, 3], "core": [2, 3], "edema": 1, "ignore": 4}
    assert foreground_labels(labels) == {"whole tumor": (1, 2, 3), "core": (2, 3), "edema": (1,)}


def test_label_names_resolve_through_the_vocabulary(vocabulary):
    labels = {"background": 0, "right kidney": 1, "Liver": 2, "spleen": 3, "blob": 4}
    assert resolve_label_tags(labels, vocabulary, vocabulary.ids) == {
        "right kidney": "kidney_right",
        "Liver": "liver",
        "spleen": "spleen",
        "blob": None,
    }


def test_a_tag_that_the_bundle_lacks_is_no_tag(vocabulary):
    assert resolve_label_tags({"liver": 1, "spleen": 2}, vocabulary, ["liver"]) == {"liver": "liver", "spleen": None}


def test_the_user_has_the_last_word(vocabulary):
    labels = {"liver": 1, "blob": 2}
    found = resolve_label_tags(labels, vocabulary, vocabulary.ids, {"blob": "spleen", "liver": "pancreas"})
    assert found == {"liver": "pancreas", "blob": "spleen"}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"lung": "liver"}, "the dataset has no label 'lung'; its labels are liver"),
        ({"liver": "livr"}, r"the bundle has no tag 'livr' \(did you mean liver"),
    ],
)
def test_a_slip_in_map_is_named(vocabulary, overrides, message):
    with pytest.raises(UserError, match=message):
        resolve_label_tags({"liver": 1}, vocabulary, vocabulary.ids, overrides)


def test_labels_share_a_tag():
    assert tags_of({"anterior": "hippocampus", "posterior": "hippocampus", "other": None}) == ("hippocampus",)
