from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.studies.arrays import read_array, read_geometry
from pretraining.studies.image_store import ImageTask, intensity_quantiles, safe_stem, store_image
from pretraining.studies.images.grid import grid_for, resample


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


def blob(orientation, *, origin=(-50, -40, 30), spacing=(1, 1, 1)):
    """An image that is bright in a corner, and its mask, in an orientation; the place is that of the LPS image."""
    bright = np.zeros((12, 20, 20), bool)
    bright[3:6, 2:6, 12:17] = True
    images = [sitk.GetImageFromArray(bright * 500.0 + np.random.default_rng(0).normal(size=bright.shape))]
    images.append(sitk.GetImageFromArray(bright.astype(np.uint8)))
    for image in images:
        image.SetOrigin(origin)
        image.SetSpacing(spacing)
    return [sitk.DICOMOrient(image, orientation) for image in images]


@pytest.mark.parametrize(
    "mask",
    [
        blob("RAS")[1],
        blob("LPS")[1],
        # Whose header got lost; with the spacing or without.
        blob("LPS", origin=(0, 0, 0))[1],
        blob("LPS", origin=(0, 0, 0), spacing=(0.5, 0.5, 2))[1],
        blob("LPS", origin=(-50.1, -40, 30))[1],
    ],
    ids=["other orientation", "equal", "no header", "no place", "rounded"],
)
def test_a_mask_of_the_images_size_lies_where_its_header_says(store, tmp_path, mask, request):
    spacing = (0.5, 0.5, 2) if "no place" in request.node.name else (1, 1, 1)
    sitk.WriteImage(blob("LPS", spacing=spacing)[0], str(tmp_path / "a.nrrd"))
    sitk.WriteImage(mask, str(tmp_path / "m.nrrd"))
    outcome, folder = store(tmp_path / "a.nrrd", tmp_path / "m.nrrd")
    (stored,) = outcome.images
    image, labels = read_array(folder / stored.array), read_array(folder / stored.mask)
    np.testing.assert_array_equal(labels > 0, image > 250)


@pytest.mark.parametrize("mask", [blob("LPS")[1], blob("RAS", origin=(0, 0, 0))[1]], ids=["elsewhere", "mirrored"])
def test_a_mask_of_an_image_without_a_place_has_its_voxels(store, tmp_path, mask):
    sitk.WriteImage(blob("LPS", origin=(0, 0, 0))[0], str(tmp_path / "a.nrrd"))
    sitk.WriteImage(mask, str(tmp_path / "m.nrrd"))
    outcome, folder = store(tmp_path / "a.nrrd", tmp_path / "m.nrrd")
    (stored,) = outcome.images
    image, labels = read_array(folder / stored.array), read_array(folder / stored.mask)
    np.testing.assert_array_equal(labels > 0, image > 250)


def test_a_channel_volume_keeps_its_mask(store, nifti):
    voxels = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    labels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    outcome, folder = store(nifti("a.nii.gz", voxels, (1, 1, 1), isVector=True), nifti("m.nii.gz", labels, (1, 1, 1)))
    np.testing.assert_array_equal(read_array(folder / outcome.images[0].mask)[0], labels)


def test_a_palette_of_labels_is_kept_and_colours_are_left_out(store, picture, tmp_path):
    labels = np.resize(np.arange(4, dtype=np.uint8), (24, 32))
    palette = Image.fromarray(labels).convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    palette.save(tmp_path / "m.png")
    outcome, folder = store(picture(), tmp_path / "m.png")
    np.testing.assert_array_equal(read_array(folder / outcome.images[0].mask)[0], labels)
    palette.convert("RGB").save(tmp_path / "m.png")
    outcome, _ = store(picture(), tmp_path / "m.png")
    assert outcome.images[0].mask == ""
    assert "mask: its labels are colours" in outcome.left_out[0][1]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (blob("LPS", origin=(500, 0, 0))[1], "no label lies inside the image"),
        (blob("LPS")[1][:, :, 4:5], "the mask has size (20, 20, 1), the image (20, 20, 12)"),
    ],
    ids=["elsewhere", "one slice"],
)
def test_a_mask_without_a_label_in_the_image_is_left_out_with_its_reason(store, tmp_path, mask, reason):
    sitk.WriteImage(blob("LPS")[0], str(tmp_path / "a.nrrd"))
    sitk.WriteImage(mask, str(tmp_path / "m.nrrd"))
    outcome, _ = store(tmp_path / "a.nrrd", tmp_path / "m.nrrd")
    assert outcome.images[0].mask == ""
    assert reason in outcome.left_out[0][1]


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


@pytest.mark.parametrize(
    ("scale", "flag"),
    [
        (1000.0, "CT without negative values: perhaps not in HU"),
        (1.0, "CT whose values span only 0.9833: perhaps not in HU"),
    ],
)
def test_a_ct_that_is_hardly_in_hu_is_flagged_and_not_rounded_away(store, nifti, scale, flag):
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5) / 60 * scale
    outcome, folder = store(nifti("a.nii.gz", voxels), modality="CT")
    assert outcome.images[0].flags == (flag,)
    np.testing.assert_allclose(read_array(folder / outcome.images[0].array)[0], voxels, atol=0.5 if scale > 1 else 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_do_not_wrap_around_where_resampling_overshoots(store, tmp_path, dtype):
    highest = np.iinfo(dtype).max
    array = np.zeros((40, 64, 64), dtype)
    array[10:20, 20:40, 20:40] = highest
    source = sitk.GetImageFromArray(array)
    sitk.WriteImage(source, str(tmp_path / "a.nrrd"))
    spacing = (1.3, 1.3, 1.3)
    exact = sitk.GetArrayFromImage(resample(source, *grid_for(source, spacing)))
    assert exact.max() > highest + 0.5
    outcome, folder = store(tmp_path / "a.nrrd", target_spacing=spacing)
    stored = read_array(folder / outcome.images[0].array)[0]
    np.testing.assert_allclose(stored, np.clip(exact, 0, highest), atol=0.5)


def test_file_names_are_safe():
    assert safe_stem("../a b\u00fc.png", "0123456789abc") == "a_b_.png-0123456789"
    assert len(safe_stem("x" * 500, "f" * 64)) < 100


def test_small_values_keep_their_digits():
    assert intensity_quantiles(np.linspace(1e-6, 1e-5, 100))[::16] == pytest.approx((1e-6, 5.5e-6, 1e-5))


@pytest.mark.parametrize("kind", [ValueError, RuntimeError])
def test_what_no_check_foresaw_is_a_reason_too(store, picture, monkeypatch, kind):
    def fail(_):
        raise kind("something\nITK ERROR: odd")

    monkeypatch.setattr("pretraining.studies.image_store.repair", fail)
    assert store(picture())[0].problem == "the image cannot be prepared (odd)"
