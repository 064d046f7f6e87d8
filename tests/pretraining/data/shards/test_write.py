import errno
import json
import os
import shutil
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from pretraining.data.shards import write
from pretraining.data.shards.index import INDEX, is_sharded, read_index
from pretraining.data.shards.write import write_shards
from pretraining.errors import UserError
from pretraining.studies.arrays import decode_array, read_array
from pretraining.studies.manifest import read_manifest, write_manifest


def test_every_study_is_in_one_shard_of_its_split_with_the_bytes_of_its_array(prepared, sharded):
    index = read_index(sharded)
    assert {split: len(names) for split, names in index.shards.items()} == {"train": 6, "val": 2, "test": 0}
    found = {}
    for split, names in index.shards.items():
        for name in names:
            with tarfile.open(sharded / name) as tar:
                members = {member.name: tar.extractfile(member).read() for member in tar}
            for key in (name for name in members if name.endswith(".json")):
                study = json.loads(members[key])
                assert study["split"] == split
                assert study["id"] not in found
                found[study["id"]] = decode_array(members[key.replace(".json", ".b2nd")], study["id"])
                assert np.array_equal(found[study["id"]], read_array(prepared / study["image"]))
    assert len(found) == 40


def test_neighbors_of_the_table_are_not_neighbors_in_a_shard(sharded):
    with tarfile.open(sharded / "train-000000.tar") as tar:
        ids = [json.loads(tar.extractfile(member).read())["id"] for member in tar if member.name.endswith("json")]
    assert ids != sorted(ids, key=lambda name: int(name.removeprefix("study")))


def test_the_index_takes_where_the_tars_will_be(prepared, tmp_path):
    index = write_shards(prepared, tmp_path / "out", 40, "https://host/corpus/")
    assert read_index(tmp_path / "out") == index
    assert index.locations("train") == ["https://host/corpus/train-000000.tar"]


def test_an_interrupted_folder_is_no_folder_of_shards(prepared, tmp_path, monkeypatch):
    def die(index):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, "write_index", die)
    with pytest.raises(KeyboardInterrupt):
        write_shards(prepared, tmp_path / "out", 8)
    assert not is_sharded(tmp_path / "out")
    with pytest.raises(UserError, match="is not empty"):
        write_shards(prepared, tmp_path / "out", 8)


def test_a_missing_shard_and_a_damaged_index_are_named(prepared, tmp_path):
    index = write_shards(prepared, tmp_path, 8)
    (tmp_path / "train-000002.tar").unlink()
    with pytest.raises(UserError, match=r"train-000002\.tar is missing"):
        index.locations("train")
    (tmp_path / INDEX).write_text("{")
    with pytest.raises(UserError, match=r"shards\.json is damaged"):
        read_index(tmp_path)


def test_a_full_disk_says_that_the_shards_are_incomplete(prepared, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(write, "_write_shard", full)
    with pytest.raises(
        UserError, match=r"No space left.*incomplete; make room or allow writing there, then .* new folder as --output"
    ):
        write_shards(prepared, tmp_path / "shards", 3)


def test_an_image_that_cannot_be_read_is_named_and_not_the_folder_of_the_shards(prepared, tmp_path):
    data = shutil.copytree(prepared, tmp_path / "data")
    (data / "images" / "3.b2nd").unlink()
    (data / "images" / "3.b2nd").symlink_to("/nowhere/3.b2nd")
    with pytest.raises(UserError, match=r"images/3\.b2nd cannot be read \(No such file or directory\)"):
        write_shards(data, tmp_path / "shards", 8)


def test_a_file_as_output_is_refused(prepared, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file; give a new folder as --output"):
        write_shards(prepared, tmp_path / "file", 8)


def test_studies_without_reports_are_refused_before_anything_is_written(prepared, tmp_path):
    data = shutil.copytree(prepared, tmp_path / "data")
    write_manifest(data, [replace(study, report="", tags={}, sentences={}) for study in read_manifest(data)])
    with pytest.raises(UserError, match="has no training study with a report"):
        write_shards(data, tmp_path / "shards", 8)
    assert not (tmp_path / "shards").exists()
