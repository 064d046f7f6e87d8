from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.studies.arrays import read_array, read_geometry
from pretraining.studies.image_store import ImageTask, safe_stem, store_image


@pytest.fixture
def store(tmp_path):
    def run(path, mask="", **options):
        task = ImageTask(str(path), str(mask), str(tmp_path / "out"), "a", "f", **options)
        outcome = store_image(task)
        return outcome, tmp_path / "out"

    return run


def test_a_picture_keeps_its_pixels(store, picture):
    path = picture()
    outcome, folder = store(path)
    (image,) = outcome.images
    np.testing.assert_array_equal(read_array(folder / image.array)[0], np.asarray(Image.open(path)))
    assert (image.shape, image.spacing, image.modality) == ((1, 24, 32), None, "unknown")
    assert image.quantiles == tuple(sorted(image.quantiles))


def test_a_large_picture_shrinks_with_its_mask(store, tmp_path):
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (100, 1))).save(tmp_path / "a.png")
    Image.fromarray(np.kron([[0, 255]], np.ones((100, 100))).astype(np.uint8)).save(tmp_path / "m.png")
    outcome, folder = store(tmp_path / "a.png", tmp_path / "m.png", max_side=50)
    (image,) = outcome.images
    assert image.shape == (1, 25, 50)
    mask = read_array(folder / image.mask)[0]
    np.testing.assert_array_equal(mask, np.kron([[0, 255]], np.ones((25, 25))))


def test_ct_keeps_hounsfield_units_and_lps(store, tmp_path):
    voxels = np.random.default_rng(0).uniform(-1000, 1000, (6, 7, 8))
    source = sitk.GetImageFromArray(voxels)
    source.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    source.SetSpacing((1, 2, 3))
    sitk.WriteImage(source, str(tmp_path / "a.nii.gz"))
    outcome, folder = store(tmp_path / "a.nii.gz", modality="CT")
    (image,) = outcome.images
    array = read_array(folder / image.array)
    assert array.dtype == np.int16
    np.testing.assert_array_equal(array[0], np.rint(voxels[:, ::-1, ::-1]))
    geometry = read_geometry(folder / image.array)
    assert (geometry["spacing"], geometry["original_orientation"]) == ([3, 2, 1], "RAS")


def test_labels_follow_orientation_and_spacing(store, tmp_path):
    ball = sum((np.indices((20, 20, 20))[axis] - centre) ** 2 for axis, centre in enumerate((5, 9, 14))) < 16
    for name, array in (("a", ball * 500.0 + np.random.default_rng(0).normal(size=ball.shape)), ("m", ball)):
        image = sitk.DICOMOrient(sitk.GetImageFromArray(array.astype(np.float32)), "RAI")
        sitk.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    outcome, folder = store(tmp_path / "a.nii.gz", tmp_path / "m.nii.gz", target_spacing=(1.25, 2.0, 2.0))
    (stored,) = outcome.images
    image, mask = read_array(folder / stored.array), read_array(folder / stored.mask)
    assert image.shape == mask.shape == (1, 16, 10, 10)
    bright = image > 250
    for axis in range(1, 4):
        assert np.nonzero(bright)[axis].mean() == pytest.approx(np.nonzero(mask)[axis].mean(), abs=0.3)


def test_a_mask_on_another_grid_is_brought_onto_the_images(store, nifti):
    image = nifti("a.nii.gz", np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32), (1, 1, 1))
    mask = nifti("m.nii.gz", np.ones((4, 16, 16), np.uint8), (0.5, 0.5, 1))
    outcome, folder = store(image, mask)
    assert read_array(folder / outcome.images[0].mask).shape == (1, 4, 8, 8)


def test_a_mask_that_fits_nowhere_is_left_out_with_its_reason(store, picture):
    outcome, _ = store(picture(), picture("m.png", size=(5, 5)))
    assert outcome.images[0].mask == ""
    assert "mask: the mask has size (5, 5), the image (32, 24)" in outcome.left_out[0][1]


def test_channels_come_first(store, nifti):
    voxels = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    outcome, folder = store(nifti("a.nii.gz", voxels, (1, 1, 1), isVector=True))
    np.testing.assert_array_equal(read_array(folder / outcome.images[0].array), np.moveaxis(voxels, -1, 0))


def test_one_point_in_time_is_no_fourth_dimension(store, nifti):
    voxels = np.random.default_rng(0).normal(size=(1, 3, 4, 5)).astype(np.float32)
    outcome, folder = store(nifti("a.mha", voxels, (1, 1, 1, 1), isVector=False))
    np.testing.assert_array_equal(read_array(folder / outcome.images[0].array), voxels)


def test_a_ct_without_negative_values_is_flagged(store, nifti):
    outcome, _ = store(nifti("a.nii.gz", np.arange(60, dtype=np.int16).reshape(3, 4, 5)), modality="CT")
    assert outcome.images[0].flags == ("CT without negative values: perhaps not in HU",)


def test_file_names_are_safe():
    assert safe_stem("../a b\u00fc.png", "0123456789abc") == "a_b_.png-0123456789"
    assert len(safe_stem("x" * 500, "f" * 64)) < 100
