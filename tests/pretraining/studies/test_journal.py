from __future__ import annotations

import os

import pytest

from pretraining.studies.image_store import ImageOutcome, StoredImage
from pretraining.studies.journal import Journal, fingerprint


def outcome(mark="f1"):
    image = StoredImage("images/a.b2nd", "", (1, 4, 4), None, "XR", ("chest",), "", ("odd",), "hash", (0.0, 1.0))
    return ImageOutcome(mark, (image,), (("x.dcm", "a stray object"),))


def test_what_was_done_is_found_again(tmp_path):
    Journal(tmp_path).add(outcome())
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.b2nd").touch()
    assert Journal(tmp_path).find("f1") == outcome()
    assert Journal(tmp_path).find("f2") is None


def test_an_outcome_whose_array_is_gone_is_not_found(tmp_path):
    Journal(tmp_path).add(outcome())
    assert Journal(tmp_path).find("f1") is None


def test_a_line_torn_by_a_kill_is_skipped_and_the_next_one_is_whole(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.b2nd").touch()
    Journal(tmp_path).add(outcome())
    with (tmp_path / "images.jsonl").open("a") as file:
        file.write('{"fingerprint": "f2", "ima')
    Journal(tmp_path).add(outcome("f3"))
    journal = Journal(tmp_path)
    assert [journal.find(mark) is not None for mark in ("f1", "f2", "f3")] == [True, False, True]


def test_the_fingerprint_follows_files_and_settings(tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(b"1")
    marks = [fingerprint(image, None, {"max_side": 512})]
    marks.append(fingerprint(image, None, {"max_side": 256}))
    marks.append(fingerprint(image, image, {"max_side": 512}))
    os.utime(image, (1, 1))
    marks.append(fingerprint(image, None, {"max_side": 512}))
    assert len(set(marks)) == 4
    assert fingerprint(image, None, {"max_side": 512}) == marks[-1]


def test_the_fingerprint_of_a_folder_follows_its_files(tmp_path):
    (tmp_path / "1.dcm").touch()
    before = fingerprint(tmp_path, None, {})
    (tmp_path / "2.dcm").touch()
    assert fingerprint(tmp_path, None, {}) != before


def test_what_is_no_path_has_a_fingerprint_too(tmp_path):
    assert fingerprint(tmp_path / ("word " * 1000), None, {}) != fingerprint(tmp_path / "a\0b", None, {})


@pytest.mark.parametrize(("header", "data"), [("a.mhd", "a.raw"), ("a.mhd", "a.zraw"), ("a.nhdr", "a.raw.gz")])
def test_the_fingerprint_of_a_header_follows_its_voxels(tmp_path, header, data):
    (tmp_path / header).touch()
    (tmp_path / data).write_bytes(b"1")
    before = fingerprint(tmp_path / header, None, {})
    (tmp_path / data).write_bytes(b"12")
    assert fingerprint(tmp_path / header, None, {}) != before
