from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images

VOXELS = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_every_format_gives_the_same_voxels(nifti, suffix):
    (image,) = load_images(nifti(f"a{suffix}", VOXELS))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), VOXELS)
    assert image.pixels.GetSpacing() == pytest.approx((1, 1, 2))


def test_a_metaimage_with_its_voxels_in_another_file(nifti):
    path = nifti("a.mhd", VOXELS)
    (image,) = load_images(path)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), VOXELS)
    path.with_suffix(".raw").unlink()
    with pytest.raises(UnusableImageError):
        load_images(path)


def _sheared(nifti, amount):
    """A NIfTI file whose sform has a sheared x axis, made by editing the header's bytes."""
    path = nifti("a.nii", VOXELS)
    data = bytearray(path.read_bytes())
    data[252:256] = np.array([0, 1], "<i2").tobytes()
    rows = np.array([[1, amount, 0, 0], [0, 1, 0, 0], [0, 0, 2, 0]], "<f4")
    data[280:328] = rows.tobytes()
    path.write_bytes(data)
    return path


def test_a_sheared_grid_is_refused(nifti):
    with pytest.raises(UnusableImageError, match=r"16\.7 degrees off right angles \(non-orthonormal direction\)"):
        load_images(_sheared(nifti, 0.3))


def test_a_slightly_sheared_header_is_read_and_flagged(nifti):
    (image,) = load_images(_sheared(nifti, 0.005))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), VOXELS)
    assert image.flags == ("image axes are 0.29 degrees off right angles: taken as right angles",)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_volume_is_unusable(nifti, suffix, share):
    path = nifti(f"a{suffix}", np.random.default_rng(0).integers(0, 1000, (8, 16, 16)).astype(np.int16))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnusableImageError):
        load_images(path)


def test_a_compressed_volume_with_a_flipped_byte_is_unusable(nifti):
    path = nifti("a.nii.gz", np.random.default_rng(0).integers(0, 1000, (8, 16, 16)).astype(np.int16))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UnusableImageError, match="truncated or damaged"):
        load_images(path)


@pytest.mark.parametrize("components", [1, 2])
def test_nan_and_inf_are_not_taken_for_zeros(nifti, components):
    shape = (3, 4, 5) if components == 1 else (3, 4, 5, components)
    voxels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    voxels[(0, 1, 2, *[1] * (components - 1))] = np.nan
    voxels[(2, 0, 4, *[0] * (components - 1))] = np.inf
    (image,) = load_images(nifti("a.nii.gz", voxels, isVector=components > 1))
    expected = np.where(np.isfinite(voxels), voxels, np.nan)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), expected)


@pytest.mark.parametrize(("offset", "value"), [(108, np.float32(np.nan)), (108, np.float32(-1)), (72, np.int16(0))])
def test_a_damaged_header_is_unusable(nifti, offset, value):
    path = nifti("a.nii", VOXELS.astype(np.float32))
    data = bytearray(path.read_bytes())
    data[offset : offset + value.nbytes] = value.tobytes()
    path.write_bytes(data)
    with pytest.raises(UnusableImageError, match="its header is damaged"):
        load_images(path)


def test_complex_numbers_are_refused(nifti):
    with pytest.raises(UnusableImageError, match="complex numbers: save their magnitude"):
        load_images(nifti("a.nii.gz", VOXELS + 1j * VOXELS))


def test_what_is_no_nifti_is_unusable(tmp_path):
    (tmp_path / "a.nii").write_bytes(b"hello" * 200)
    with pytest.raises(UnusableImageError, match="no NIfTI header"):
        load_images(tmp_path / "a.nii")
