from pathlib import Path

import numpy as np
import pytest
import torch

from pretraining.data.batches import StudyImages, collate
from pretraining.data.corpus import Pair
from pretraining.errors import UserError
from pretraining.image.fit import Crops, View
from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import StoredArray, write_array

HU = Normalization("ct", lower=-1000, upper=1000, mean=50, std=100)
VOLUME = np.random.default_rng(0).integers(-1000, 1000, (1, 6, 20, 12)).astype(np.int16)


def view(size, count, spacing) -> View:
    return View(size, (1, 1, 1), Crops(count, spacing))


@pytest.fixture
def pair(tmp_path):
    def make(spacing=(5.0, 1.0, 1.0), array=VOLUME) -> Pair:
        file = Path(tmp_path / "images" / "a.b2nd")
        write_array(file, array, {"spacing": spacing})
        return Pair("a", file, 0, np.zeros(2, np.int8), (), "train", spacing, "CT")

    return make


def test_crops_at_the_stored_spacing_are_slices_of_the_array_and_nothing_else_is_read(pair, monkeypatch):
    read = []
    take = StoredArray.__getitem__
    monkeypatch.setattr(StoredArray, "__getitem__", lambda self, box: read.append(box) or take(self, box))
    crops = StudyImages([pair()], (4, 10, 12), 1, HU, None, view((4, 10, 12), 2, (5.0, 1.0, 1.0)))
    views, _ = crops[0, 0]
    expected = (VOLUME.astype(np.float32) - 50) / 100
    np.testing.assert_allclose(views[0], expected[:, 1:5, :10], rtol=1e-5)
    np.testing.assert_allclose(views[1], expected[:, 1:5, 10:], rtol=1e-5)
    planes = slice(None), slice(1, 5)
    assert read == [(*planes, slice(0, 10), slice(0, 12)), (*planes, slice(10, 20), slice(0, 12))]


def test_a_study_of_another_spacing_is_brought_to_that_of_the_crops(pair):
    array = np.repeat(np.arange(-10, 10, dtype=np.int16)[None, None, :, None], 6, 1).repeat(12, 3)
    views, _ = StudyImages([pair(array=array)], (6, 20, 12), 1, HU, None, view((6, 20, 12), 2, (5.0, 0.5, 1.0)))[0, 0]
    assert views.shape == (2, 1, 6, 20, 12)
    # 20 rows of 1 mm became 40 of 0.5 mm; each crop shows half of them.
    np.testing.assert_allclose(views[0, 0, 3, 1::2, 5], (np.arange(-10, 0) + 0.25 - 50) / 100, atol=1e-5)
    assert views[1].min() > views[0].max()


def test_beyond_the_study_crops_show_what_nnunet_pads(pair):
    crops = view((8, 20, 12), 2, (5.0, 1.0, 1.0))
    for normalization in (HU, Normalization("zscore")):
        views, _ = StudyImages([pair()], (8, 20, 12), 1, normalization, None, crops)[0, 0]
        assert not views[0, 0, 0].any()
        assert not views[0, 0, -1].any()
        assert views[0, 0, 1:-1].std() > 0


def test_seed_epoch_and_study_decide_where_random_crops_lie(pair):
    def crops(seed, key):
        return StudyImages([pair()] * 2, (4, 8, 8), 1, HU, seed, view((4, 8, 8), 3, (5.0, 1.0, 1.0)))[key][0]

    first = crops(0, (0, 0))
    assert torch.equal(first, crops(0, (0, 0)))
    assert not any(torch.equal(first, crops(*other)) for other in ((1, (0, 0)), (0, (1, 0)), (0, (0, 1))))


def test_batches_of_crops_have_an_axis_more(pair):
    whole = StudyImages([pair()], (4, 8, 8), 1, HU, None)
    crops = StudyImages([pair()], (4, 8, 8), 1, HU, None, view((4, 8, 8), 3, (5.0, 1.0, 1.0)))
    assert collate([whole[0, 0]] * 2).images.shape == (2, 1, 4, 8, 8)
    assert collate([crops[0, 0]] * 2).images.shape == (2, 3, 1, 4, 8, 8)


def test_crops_of_a_study_without_spacing_are_refused(pair):
    with pytest.raises(UserError, match="study 'a' has no spacing"):
        StudyImages([pair(spacing=None)], (4, 8, 8), 1, HU, None, view((4, 8, 8), 2, (5.0, 1.0, 1.0)))[0, 0]
