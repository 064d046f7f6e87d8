from __future__ import annotations

from pretraining.studies.duplicates import find_duplicates, plain_text

SPLITS = {"a": "train", "b": "train", "c": "test", "d": "train"}


def test_groups_and_those_that_span_splits():
    found = find_duplicates([("a", "x"), ("b", "x"), ("a", "y"), ("c", "y"), ("d", "z"), ("d", "z"), ("a", "")], SPLITS)
    assert set(found.groups) == {("a", "b"), ("a", "c")}
    assert found.across_splits == (("a", "c"),)
    assert found.studies == 3


def test_reports_that_differ_in_spelling_only_are_equal():
    assert plain_text("No acute  disease.") == plain_text("no acute disease")
