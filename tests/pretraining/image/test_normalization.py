import numpy as np
import pytest

from pretraining.errors import UserError
from pretraining.image.normalization import Normalization


def test_zscore_gives_each_channel_mean_zero_and_deviation_one():
    image = np.random.default_rng(0).normal(50, 9, (2, 8, 8)) * [[[1]], [[100]]]
    normalized = Normalization("zscore")(image)
    assert normalized.mean((1, 2)) == pytest.approx([0, 0], abs=1e-5)
    assert normalized.std((1, 2)) == pytest.approx([1, 1], abs=1e-5)


def test_ct_clips_and_scales_with_fixed_numbers():
    image = np.array([[[-2000, 0, 40, 3000]]], np.int16)
    normalized = Normalization("ct", lower=-1000, upper=1000, mean=40, std=100)(image)
    assert normalized.ravel() == pytest.approx([-10.4, -0.4, 0, 9.6])


def test_a_constant_image_stays_finite():
    assert np.isfinite(Normalization()(np.ones((1, 4, 4)))).all()


def test_ct_without_its_numbers_is_refused():
    with pytest.raises(UserError, match="needs lower, upper, mean and std"):
        Normalization("ct", lower=0)
