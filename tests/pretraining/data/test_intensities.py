from dataclasses import replace

import numpy as np
import pytest

from pretraining.data.corpus import read_corpus
from pretraining.data.intensities import choose_normalization
from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import write_array


@pytest.fixture
def corpus(prepared, tmp_path):
    """The tiny corpus with images of one's own."""

    def make(arrays, modality="CT"):
        pairs = []
        for number, (pair, array) in enumerate(zip(read_corpus(prepared).pairs, arrays, strict=False)):
            file = tmp_path / f"{number}.b2nd"
            write_array(file, array, {})
            pairs.append(replace(pair, image=file, modality=modality))
        return replace(read_corpus(prepared), pairs=tuple(pairs))

    return make


def body(seed):
    """Air around a patient of about 40 HU."""
    image = np.full((1, 64, 64), -1000, np.int16)
    image[0, 16:48, 16:48] = np.random.default_rng(seed).normal(40, 60, (32, 32))
    return image


def test_ct_takes_its_numbers_from_the_patient_and_not_from_the_air(corpus):
    images = [body(seed) for seed in range(4)]
    tissue = np.concatenate([image[image > -900] for image in images]).astype(np.float32)
    lower, upper = np.percentile(tissue, (0.5, 99.5))
    found = choose_normalization("auto", corpus(images))
    expected = Normalization("ct", lower, upper, tissue.mean(), tissue.std())
    assert found.scheme == "ct"
    for name in ("lower", "upper", "mean", "std"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4)
    assert Normalization.from_dict(found.to_dict()) == found


def test_what_is_not_all_ct_in_hu_is_normalized_by_zscore(corpus):
    assert choose_normalization("auto", corpus([body(0)], "MR")).scheme == "zscore"
    windowed = np.full((1, 32, 32), 128, np.uint8)
    assert choose_normalization("auto", corpus([body(0), windowed])).scheme == "zscore"
    assert choose_normalization("zscore", corpus([body(0)])).scheme == "zscore"


def test_ct_can_be_demanded(corpus):
    assert choose_normalization("ct", corpus([body(0)], "unknown")).scheme == "ct"
    with pytest.raises(UserError, match=r"no voxel of 1 training studies is above -900 HU"):
        choose_normalization("ct", corpus([np.full((1, 32, 32), -1000, np.int16)]))
