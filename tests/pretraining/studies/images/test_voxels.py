from __future__ import annotations

import numpy as np
import pytest

from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.voxels import compact, repair


def test_nan_and_inf_become_the_lowest_value():
    array = np.array([[1.0, np.nan], [np.inf, 5.0], [2.0, 3.0]])
    repaired, flags = repair(array)
    np.testing.assert_array_equal(repaired, [[1, 1], [1, 5], [2, 3]])
    assert flags == ("33.33% of the voxels were NaN or Inf: replaced by the lowest value",)


def test_good_voxels_are_not_touched():
    array = np.array([[1, 2]], np.int16)
    repaired, flags = repair(array)
    assert repaired is array
    assert flags == ()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((4, 4), 7), "constant"),
        (np.array([np.nan, np.nan, 1.0]), "67% of the voxels"),
        (np.full(3, np.nan), "100% of the voxels"),
        (np.array([1.0, 1.0, np.nan]), "constant"),
        (np.zeros((0, 4)), "no voxels"),
    ],
)
def test_hopeless_voxels_are_unusable(array, reason):
    with pytest.raises(UnusableImageError, match=reason):
        repair(array)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        (np.array([0, 255], np.uint8), np.uint8),
        (np.array([0, 255], np.int64), np.int16),
        (np.array([-1024, 3071], np.int32), np.int16),
        (np.array([0, 65535], np.uint16), np.uint16),
        (np.array([-1024.0, 3071.0]), np.int16),
        (np.array([0.0, 40000.0], np.float32), np.uint16),
        (np.array([0.0, 0.5]), np.float32),
        (np.array([-70000, 0]), np.float32),
        (np.array([-5, 5], np.int8), np.int16),
    ],
)
def test_the_smallest_type_that_holds_the_values(values, kept):
    result = compact(values)
    assert result.dtype == kept
    np.testing.assert_array_equal(result.astype(np.float64), values.astype(np.float64))


def test_hounsfield_units_are_rounded():
    result = compact(np.array([-1023.6, 0.4, 99.5001]), hounsfield=True)
    assert result.dtype == np.int16
    np.testing.assert_array_equal(result, [-1024, 0, 100])
