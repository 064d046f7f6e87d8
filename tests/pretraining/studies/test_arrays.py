from __future__ import annotations

import errno

import blosc2
import numpy as np
import pytest

from pretraining.errors import UserError
from pretraining.studies.arrays import read_array, read_geometry, read_shape, write_array

GEOMETRY = {"spacing": [2.0, 1.0, 1.0], "origin": [0.0, 1.5, -3.0], "original_orientation": None}


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(1, 300, 500), (2, 70, 40, 150)])
def test_what_is_written_is_read(tmp_path, dtype, shape):
    array = (np.random.default_rng(0).normal(size=shape) * 50 + 100).astype(dtype)
    path = tmp_path / "images" / "a.b2nd"
    write_array(path, array, GEOMETRY)
    result = read_array(path)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, array)
    assert read_geometry(path) == GEOMETRY
    assert read_shape(path) == shape
    assert [file.name for file in path.parent.iterdir()] == ["a.b2nd"]


def test_a_crop_is_the_crop_of_the_whole(tmp_path):
    array = np.random.default_rng(0).integers(-1000, 1000, (2, 70, 90, 80)).astype(np.int16)
    write_array(tmp_path / "a.b2nd", array, {})
    box = (slice(0, 2), slice(30, 64), slice(0, 90), slice(79, 80))
    np.testing.assert_array_equal(read_array(tmp_path / "a.b2nd", box), array[box])


def test_a_training_crop_lies_in_blocks_of_its_own_size(tmp_path):
    write_array(tmp_path / "a.b2nd", np.zeros((1, 200, 200, 200), np.int16), {})
    stored = blosc2.open(str(tmp_path / "a.b2nd"), mode="r")
    assert stored.blocks == (1, 32, 32, 32)
    assert stored.chunks == (1, 128, 128, 128)


def test_rewriting_replaces_the_whole_file(tmp_path):
    write_array(tmp_path / "a.b2nd", np.ones((1, 64, 64), np.float32), {"spacing": [1]})
    write_array(tmp_path / "a.b2nd", np.zeros((1, 8, 8), np.uint8), {})
    assert read_array(tmp_path / "a.b2nd").shape == (1, 8, 8)
    assert read_geometry(tmp_path / "a.b2nd") == {}


def test_a_failed_write_leaves_the_old_array(tmp_path, monkeypatch):
    path = tmp_path / "a.b2nd"
    write_array(path, np.ones((1, 8, 8), np.uint8), {})

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(blosc2, "asarray", full)
    with pytest.raises(OSError, match="No space left"):
        write_array(path, np.zeros((1, 8, 8), np.uint8), {})
    assert read_array(path).all()
    assert [file.name for file in tmp_path.iterdir()] == ["a.b2nd"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_array_is_a_users_error(tmp_path, share):
    path = tmp_path / "a.b2nd"
    write_array(path, np.random.default_rng(0).normal(size=(1, 200, 200)).astype(np.float32), {})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UserError, match=r"a\.b2nd"):
        read_array(path)


def test_a_missing_array_is_a_users_error(tmp_path):
    with pytest.raises(UserError, match="is missing"):
        read_array(tmp_path / "a.b2nd")
