from __future__ import annotations

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from pretraining.studies.images.grid import geometry_of, grid_for, resample, resample_labels, upright
from pretraining.studies.images.image import UnusableImageError


def volume(shape=(4, 5, 6), spacing=(1.0, 1.5, 2.0)):
    image = sitk.GetImageFromArray(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    image.SetSpacing(spacing)
    image.SetOrigin((10, 20, 30))
    return image


ORIENTATIONS = ["LPS", "RAS", "LAI", "SRP", "PIL", "ILA"]


@pytest.mark.parametrize("code", ORIENTATIONS)
def test_every_orientation_comes_out_as_lps_with_voxels_where_they_were(code):
    image = sitk.DICOMOrient(volume(), code)
    oriented, original = upright(image)
    assert original == code
    assert np.allclose(oriented.GetDirection(), np.eye(3).ravel())
    for index in itertools.product(range(2), repeat=3):
        point = image.TransformIndexToPhysicalPoint(index)
        assert oriented[oriented.TransformPhysicalPointToIndex(point)] == image[index]


def test_an_oblique_volume_comes_out_nearest_to_lps():
    image = volume()
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    image.SetDirection((turn @ np.diag([-1, -1, 1])).ravel())
    oriented, _ = upright(image)
    assert np.all(np.diag(np.array(oriented.GetDirection()).reshape(3, 3)) > 0.9)


def test_one_axial_slice_is_2d():
    image, _ = upright(volume((1, 5, 6)))
    assert image.GetSize() == (6, 5)
    assert image.GetSpacing() == (1.0, 1.5)


def test_one_coronal_slice_has_the_head_up():
    source = volume((4, 1, 6))
    image, _ = upright(source)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(source)[::-1, 0])
    assert image.GetSpacing() == (1.0, 2.0)


def test_four_dimensions_are_unusable():
    with pytest.raises(UnusableImageError, match=r"4 dimensions \(5 x 4 x 3 x 2\)"):
        upright(sitk.GetImageFromArray(np.zeros((2, 3, 4, 5), np.float32), isVector=False))


def test_the_long_side_of_a_picture_is_limited_and_its_aspect_kept():
    image = sitk.GetImageFromArray(np.zeros((1000, 400), np.uint8))
    size, spacing = grid_for(image, max_side=500)
    assert size == (200, 500)
    assert spacing == pytest.approx((2.0, 2.0))
    assert grid_for(image, max_side=1000)[0] == (400, 1000)


def test_resampling_keeps_the_extent_and_a_linear_ramp():
    ramp = np.broadcast_to(np.arange(40, dtype=np.float32)[:, None, None], (40, 30, 20)).copy()
    image = sitk.GetImageFromArray(ramp)
    image.SetSpacing((1, 1, 1))
    size, spacing = grid_for(image, target_spacing=(2.0, 1.5, 1.0))
    assert size == (20, 20, 20)
    assert spacing == (1.0, 1.5, 2.0)
    result = sitk.GetArrayFromImage(resample(image, size, spacing))
    # Voxel k of the coarse grid covers the fine voxels 2k and 2k + 1.
    np.testing.assert_allclose(result[3:-3, 10, 10], 2 * np.arange(3, 17) + 0.5, atol=1e-3)
    assert np.isfinite(result).all()
    assert result.min() >= 0


def test_resampling_smooths_before_it_drops_samples():
    checkerboard = np.indices((32, 32)).sum(0) % 2 * 100.0
    image = sitk.GetImageFromArray(checkerboard.astype(np.float32))
    result = sitk.GetArrayFromImage(resample(image, (8, 8), (4.0, 4.0)))
    np.testing.assert_allclose(result[2:-2, 2:-2], 50, atol=3)


def test_resampling_to_the_same_grid_changes_nothing():
    image = volume()
    assert resample(image, image.GetSize(), image.GetSpacing()) is image


def test_channels_are_resampled_like_single_images():
    voxels = np.random.default_rng(1).normal(size=(8, 9, 10, 2)).astype(np.float32)
    grid = ((5, 5, 5), (2.0, 1.8, 1.6))
    both = sitk.GetArrayFromImage(resample(sitk.GetImageFromArray(voxels, isVector=True), *grid))
    for channel in range(2):
        alone = resample(sitk.GetImageFromArray(voxels[..., channel].copy()), *grid)
        np.testing.assert_allclose(both[..., channel], sitk.GetArrayFromImage(alone), atol=1e-5)


def test_labels_follow_the_image_to_its_grid():
    labels = sitk.GetImageFromArray(np.kron(np.array([[1, 2], [3, 4]], np.uint8), np.ones((4, 4), np.uint8)))
    image = resample(sitk.Cast(labels, sitk.sitkFloat32), (4, 4), (2.0, 2.0))
    placed = sitk.GetArrayFromImage(resample_labels(labels, image))
    np.testing.assert_array_equal(placed, np.kron(np.array([[1, 2], [3, 4]]), np.ones((2, 2))))


def test_geometry_is_in_array_order_and_names_the_original():
    source = sitk.DICOMOrient(volume(), "RAS")
    oriented, original = upright(source)
    geometry = geometry_of(oriented, source, original, has_spacing=True)
    assert geometry["spacing"] == [2.0, 1.5, 1.0]
    assert geometry["original_shape"] == [4, 5, 6]
    assert (geometry["orientation"], geometry["original_orientation"]) == ("LPS", "RAS")
    assert geometry["origin"] == pytest.approx([10, 20, 30])
