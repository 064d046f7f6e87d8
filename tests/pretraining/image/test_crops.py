import numpy as np
import pytest

from pretraining.image.crops import crop_starts, cut, resample
from pretraining.image.fit import shape_at


def test_crops_on_a_grid_cover_the_long_axes_evenly():
    assert crop_starts((100, 40), (40, 40), 3) == [(0, 0), (30, 0), (60, 0)]
    assert crop_starts((80, 100), (40, 40), 4) == [(0, 0), (0, 60), (40, 0), (40, 60)]
    assert crop_starts((60, 60), (40, 40), 1) == [(10, 10)]


def test_an_axis_shorter_than_a_crop_is_centered():
    assert crop_starts((10, 100), (20, 50), 2) == [(-5, 0), (-5, 50)]
    assert crop_starts((10, 100), (20, 50), 2, np.random.default_rng(0))[0][0] == -5


@pytest.mark.parametrize("count", [2, 5, 6])
def test_random_crops_lie_inside_and_see_everything_in_time(count):
    shape, size = (60, 90), (40, 40)
    random = np.random.default_rng(0)
    seen = np.zeros(shape)
    for _ in range(300):
        starts = crop_starts(shape, size, count, random)
        assert len(starts) == count
        for start in starts:
            box = tuple(slice(first, first + side) for first, side in zip(start, size, strict=True))
            assert seen[box].shape == size
            seen[box] += 1
    # Corners are seldom met, as in any uniform draw.
    assert (seen[4:-4, 4:-4] > 0).all()


def test_a_cut_is_the_slice_and_zero_around_the_image():
    image = np.random.default_rng(0).normal(size=(2, 6, 8)).astype(np.float32)
    crop = cut(image, (2, -1), (6, 4))
    np.testing.assert_array_equal(crop[:, :4, 1:], image[:, 2:, :3])
    assert crop.shape == (2, 6, 4)
    assert not crop[:, 4:].any()
    assert not crop[:, :, 0].any()


def test_an_image_takes_the_spacing_of_the_crops_over_the_same_extent():
    shape = shape_at((10, 12), (4.0, 1.0), (2.0, 0.5))
    assert shape == (20, 24)
    ramp = np.linspace(0, 1, 12, dtype=np.float32)
    resampled = resample(np.broadcast_to(ramp, (1, 10, 12)).copy(), shape)
    assert resampled.shape == (1, 20, 24)
    assert resampled[0, 3, 12] == pytest.approx(0.5, abs=0.05)
