from __future__ import annotations

import numpy as np
import pytest

from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.slices import stack_slices

AXIAL = np.array([1.0, 0, 0, 0, 1, 0])


def stack(heights, values=None):
    values = heights if values is None else values
    positions = np.array([[0, 0, height] for height in heights], float)
    return stack_slices([np.full((2, 3), value, np.float32) for value in values], positions, AXIAL, (1.0, 1.0))


def column(result):
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(result.image)[:, 0, 0]


def test_uneven_steps_become_even_by_interpolation():
    result = stack([0.0, 1.0, 2.3, 3.0, 4.0])
    np.testing.assert_allclose(column(result), [0, 1, 2, 3, 4], atol=1e-5)
    assert "uneven slice distances" in result.flags[0]


def test_even_steps_are_left_alone():
    result = stack([4.0, 0.0, 2.0])
    np.testing.assert_array_equal(column(result), [0, 2, 4])
    assert result.flags == ()


def test_of_two_slices_at_one_place_the_first_is_kept():
    result = stack([0.0, 2.0, 2.001, 4.0], values=[0, 2, 9, 4])
    np.testing.assert_array_equal(column(result), [0, 2, 4])
    assert result.doubles == (2,)


def test_slices_all_at_one_place_are_no_volume():
    with pytest.raises(UnusableImageError, match="same position"):
        stack([1.0, 1.0, 1.0])


def test_coronal_slices_are_stacked_along_their_normal():
    positions = np.array([[0.0, 3.0, 0], [0, 0, 0], [0, 6.0, 0]])
    slices = [np.full((2, 3), y, np.float32) for y in (3, 0, 6)]
    result = stack_slices(slices, positions, np.array([1.0, 0, 0, 0, 0, -1]), (1.0, 1.0))
    np.testing.assert_array_equal(column(result), [0, 3, 6])
    assert result.image.TransformIndexToPhysicalPoint((0, 0, 2)) == pytest.approx((0, 6, 0))
