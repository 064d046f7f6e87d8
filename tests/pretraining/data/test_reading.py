"""Errors of real worker processes."""

import os
import signal

import numpy as np
import pytest
import torch

from pretraining.data import batches
from pretraining.data.batches import StudyImages, in_order, loader
from pretraining.data.corpus import Pair
from pretraining.data.reading import ReadingError, say_worker_deaths
from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import write_array


@pytest.fixture
def images(tmp_path):
    """Two readable studies and one whose file is cut off."""
    pairs = []
    for number in range(3):
        file = tmp_path / f"{number}.b2nd"
        write_array(file, np.random.default_rng(number).normal(size=(1, 8, 8)).astype(np.float32), {})
        pairs.append(Pair(f"study{number}", file, 0, np.zeros(1, np.int8), (), "train", None))
    pairs[2].image.write_bytes(pairs[2].image.read_bytes()[:40])
    return StudyImages(pairs, (8, 8), 1, Normalization(), None)


def read_all(images):
    with say_worker_deaths():
        return list(loader(images, in_order(3, 1), workers=1))


def test_a_mistake_in_a_worker_stays_one_sentence(images):
    with pytest.raises(UserError, match=r"2\.b2nd is not a whole blosc2 array") as caught:
        read_all(images)
    assert "Traceback" not in str(caught.value)


def test_a_defect_in_a_worker_keeps_its_traceback_and_names_the_study(images, monkeypatch):
    def read(path):
        return {}["a key"]

    monkeypatch.setattr(batches, "StoredArray", read)
    with pytest.raises(ReadingError, match=r"study 'study0' could not be read:\nTraceback") as caught:
        read_all(images)
    assert 'return {}["a key"]' in str(caught.value)
    assert "KeyError: 'a key'" in str(caught.value)


@pytest.mark.parametrize(("number", "advice"), [(signal.SIGKILL, "memory ran out"), (signal.SIGBUS, "--shm-size")])
def test_a_killed_worker_is_one_sentence_with_what_to_change(images, monkeypatch, number, advice):
    monkeypatch.setattr(batches, "StoredArray", lambda path: os.kill(os.getpid(), number))
    with pytest.raises(UserError, match=rf"was ended from outside .*{advice}.* --workers"):
        read_all(images)


def test_full_shared_memory_is_said_instead_of_waiting_forever(images, monkeypatch):
    def refuse(tensor):
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", refuse)
    with pytest.raises(UserError, match=r"shared memory is full: .*--shm-size.* --workers"):
        read_all(images)


def test_without_workers_an_error_is_itself(images, monkeypatch):
    monkeypatch.setattr(batches, "StoredArray", lambda path: {}["a key"])
    with pytest.raises(KeyError, match="a key"):
        next(loader(images, in_order(3, 1), workers=0))


def test_page_locked_batches_are_whole(images, monkeypatch):
    batch = next(loader(images, in_order(3, 2), workers=0))
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor.clone())
    assert torch.equal(batch.pin_memory().images, batch.images)
    assert batch.pin_memory().images is not batch.images
