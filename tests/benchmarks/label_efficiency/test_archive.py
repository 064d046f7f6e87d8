import json
from dataclasses import replace

import pytest

from benchmarks.label_efficiency.archive import pack, unpack
from benchmarks.label_efficiency.cells import Choice, planned
from benchmarks.label_efficiency.design import QUICK
from benchmarks.label_efficiency.folders import open_folder, write_json
from benchmarks.label_efficiency.work import missing
from pretraining.errors import UserError

FIRST, SECOND = planned(
    Choice("development", families=("2d",), arms=("both",), cases=(4,), pretraining_seeds=(0,), finetuning_seeds=(0, 1))
)


@pytest.fixture
def folders(tmp_path):
    return open_folder(tmp_path / "here", QUICK)


@pytest.fixture
def elsewhere(tmp_path):
    return open_folder(tmp_path / "elsewhere", QUICK)


@pytest.fixture
def archive(folders, tmp_path):
    for job in (FIRST.needs, FIRST):
        write_json(folders.record(job), {"kind": job.kind, "dice": {"case": {"liver": 0.5}}})
    pack(tmp_path / "kept" / "cells.jsonl", folders, QUICK)
    return tmp_path / "kept" / "cells.jsonl"


def test_another_folder_goes_on_where_the_archived_one_stood(archive, folders, elsewhere):
    unpack(archive, elsewhere, QUICK)
    for job in (FIRST.needs, FIRST):
        assert json.loads(elsewhere.record(job).read_text()) == json.loads(folders.record(job).read_text())
    assert missing(elsewhere, [FIRST]) == []
    # Weights are not archived: the next cell needs them made anew.
    assert FIRST.needs in missing(elsewhere, [FIRST, SECOND])
    assert FIRST not in missing(elsewhere, [FIRST, SECOND])


def test_cells_of_two_folders_join_in_one_archive(archive, elsewhere):
    write_json(elsewhere.record(SECOND), {"kind": SECOND.kind})
    unpack(archive, elsewhere, QUICK)
    pack(archive, elsewhere, QUICK)
    names = [json.loads(line).get("name") for line in archive.read_text().splitlines()]
    assert names == [None, FIRST.needs.name, FIRST.name, SECOND.name]


def test_what_is_there_already_stays_and_an_archive_may_be_yet_to_come(archive, elsewhere, tmp_path):
    write_json(elsewhere.record(FIRST), {"kind": "newer"})
    unpack(archive, elsewhere, QUICK)
    assert json.loads(elsewhere.record(FIRST).read_text()) == {"kind": "newer"}
    unpack(tmp_path / "missing.jsonl", elsewhere, QUICK)


def test_an_archive_of_another_design_is_refused(archive, elsewhere):
    with pytest.raises(UserError, match=r"cells\.jsonl was begun with other sizes.*--archive"):
        unpack(archive, elsewhere, replace(QUICK, held_out=3))


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}\n{}\n"])
def test_what_is_no_archive_is_refused(text, elsewhere, tmp_path):
    file = tmp_path / "wrong.jsonl"
    file.write_text(text)
    with pytest.raises(UserError, match=r"wrong\.jsonl is not what --archive writes"):
        unpack(file, elsewhere, QUICK)
