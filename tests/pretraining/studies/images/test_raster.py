from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images
from pretraining.studies.images.raster import read

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)


def pixels(path):
    return sitk.GetArrayFromImage(read(path).pixels)


def test_grey_is_kept(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    image = read(tmp_path / "a.png")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), GREY)
    assert not image.has_spacing


def test_16_bits_are_kept(tmp_path):
    deep = GREY.astype(np.uint16) * 1000
    Image.fromarray(deep).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), deep)


def test_colour_becomes_luminance(tmp_path):
    colour = np.zeros((2, 2, 3), np.uint8)
    colour[0] = [(255, 0, 0), (0, 0, 255)]
    Image.fromarray(colour).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), [[76, 29], [0, 0]])


def test_transparent_pixels_are_black(tmp_path):
    colour = np.full((2, 2, 4), 200, np.uint8)
    colour[..., 3] = 255
    colour[0, 0, 3] = 0
    Image.fromarray(colour).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), [[0, 200], [200, 200]])


@pytest.mark.parametrize("mode", ["P", "1", "CMYK", "LA"])
def test_every_mode_becomes_one_channel(tmp_path, mode):
    name = "a.tif" if mode == "CMYK" else "a.png"
    Image.fromarray(GREY * 5).convert(mode).save(tmp_path / name)
    assert pixels(tmp_path / name).shape == GREY.shape


def test_camera_rotation_is_undone(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), np.rot90(GREY, -1))


def test_pages_beyond_the_first_are_flagged(tmp_path):
    first = Image.fromarray(GREY)
    first.save(tmp_path / "a.tif", save_all=True, append_images=[first, first])
    assert read(tmp_path / "a.tif").flags == ("only the first of 3 pages was read",)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.4, 0.9])
def test_a_truncated_picture_is_unusable(tmp_path, suffix, share):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnusableImageError):
        load_images(path)


def test_what_is_no_picture_is_unusable(tmp_path):
    (tmp_path / "a.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(UnusableImageError, match="not a picture"):
        load_images(tmp_path / "a.png")


def test_a_missing_file_is_unusable(tmp_path):
    with pytest.raises(UnusableImageError, match="missing"):
        load_images(tmp_path / "a.png")


def test_labels_are_indices_and_colours_are_none(tmp_path):
    labels = np.resize(np.arange(4, dtype=np.uint8), (4, 6))
    grey = Image.fromarray(labels)
    indexed = grey.convert("P")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0])
    for picture in (
        grey,
        indexed,
        grey.convert("RGB"),
        grey.convert("RGBA"),
        Image.fromarray(labels.astype(np.uint16)),
    ):
        picture.save(tmp_path / "a.png")
        np.testing.assert_array_equal(sitk.GetArrayFromImage(read(tmp_path / "a.png", labels=True).pixels), labels)
    indexed.convert("RGBA").save(tmp_path / "a.png")
    with pytest.raises(UnusableImageError, match="its labels are colours"):
        read(tmp_path / "a.png", labels=True)
