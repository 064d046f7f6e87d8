import numpy as np
import pytest
import torch

from pretraining.image.fit import View, apply_fit, fit_of, undo_fit


@pytest.mark.parametrize(
    ("shape", "spacing", "scaled"),
    [((50, 100), None, (32, 64)), ((50, 100), (2.0, 1.0), (64, 64)), ((10, 20, 20), (4.0, 1.0, 1.0), (64, 32, 32))],
)
def test_keeps_the_aspect_in_millimeters_and_centers(shape, spacing, scaled):
    fit = fit_of(shape, (64,) * len(shape), spacing)
    assert fit.scaled == scaled
    assert fit.start == tuple((64 - side) // 2 for side in scaled)


def test_a_map_comes_back_to_where_the_image_shows_the_thing():
    image = np.zeros((1, 40, 80), np.float32)
    image[0, 10:16, 60:70] = 1
    fit = fit_of((40, 80), (64, 64))
    inside = apply_fit(image, fit)
    assert inside.shape == (1, 64, 64)
    back = undo_fit(inside, fit).numpy()
    assert back.shape == (1, 40, 80)
    assert np.corrcoef(back.ravel(), image.ravel())[0, 1] > 0.95


def test_around_the_image_its_lowest_value_continues():
    image = np.full((1, 4, 8), 5.0, np.float32)
    image[0, 0, 0] = -3.0
    fitted = apply_fit(image, fit_of((4, 8), (8, 8)))
    assert torch.equal(fitted[:, :2], torch.full((1, 2, 8), -3.0))


def test_at_a_spacing_the_input_is_as_large_as_the_image_takes():
    fit = View((16, 16), (2.0, 2.0), step=(4, 8)).fit((10, 30), (5.0, 1.0))
    assert (fit.scaled, fit.size) == ((25, 15), (28, 16))
    image = np.random.default_rng(0).normal(size=(1, 10, 30)).astype(np.float32).cumsum(1).cumsum(2)
    assert undo_fit(apply_fit(image, fit), fit).shape == (1, 10, 30)
    assert np.corrcoef(undo_fit(apply_fit(image, fit), fit).numpy().ravel(), image.ravel())[0, 1] > 0.95
