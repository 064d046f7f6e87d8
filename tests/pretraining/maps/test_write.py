import csv

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image

from pretraining.errors import UserError
from pretraining.maps.geometry import PlacedImage
from pretraining.maps.mapper import AttentionMapper
from pretraining.maps.write import write_maps

TAGS = ("liver", "kidney_left")


@pytest.fixture
def mapper(bundle):
    return AttentionMapper(bundle, TAGS, torch.device("cpu"))


@pytest.fixture
def volume(tmp_path):
    array = np.random.default_rng(0).normal(size=(3, 40, 30)).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 4.0))
    image.SetOrigin((10.0, -5.0, 3.0))
    # RAS, as NIfTI files often are.
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    path = tmp_path / "volume.nii.gz"
    sitk.WriteImage(image, str(path))
    return path


def test_maps_have_the_geometry_of_their_image(mapper, volume, tmp_path):
    assert write_maps(mapper, [volume], tmp_path / "maps") == []
    source = sitk.ReadImage(str(volume))
    for tag in TAGS:
        written = sitk.ReadImage(str(tmp_path / "maps" / "volume" / f"{tag}.nii.gz"))
        assert written.GetSize() == source.GetSize()
        for ours, theirs in zip(
            (written.GetSpacing(), written.GetOrigin(), written.GetDirection()),
            (source.GetSpacing(), source.GetOrigin(), source.GetDirection()),
            strict=True,
        ):
            assert ours == pytest.approx(theirs, abs=1e-5)
        values = sitk.GetArrayFromImage(written)
        assert np.isfinite(values).all()
        assert np.abs(values).max() <= 1


def test_a_map_written_back_lies_where_it_was_found(volume, tmp_path):
    placed = PlacedImage(volume)
    assert placed.array.shape == (1, 3, 40, 30)
    placed.write(placed.array[0], tmp_path / "back.nii.gz")
    back, source = (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) for path in (tmp_path / "back.nii.gz", volume))
    assert np.array_equal(back, source)
    # The array that the network sees is turned: the file runs to the patient's right.
    assert not np.array_equal(placed.array[0], source)


def test_a_slice_inside_a_volume_goes_back_into_the_volume(tmp_path):
    array = np.random.default_rng(0).normal(size=(20, 1, 30)).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 5.0, 2.0))
    sitk.WriteImage(image, str(tmp_path / "coronal.nii.gz"))
    placed = PlacedImage(tmp_path / "coronal.nii.gz")
    assert placed.array.shape == (1, 20, 30)
    placed.write(placed.array[0], tmp_path / "back.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "back.nii.gz"))), array)


def test_pictures_get_maps_overlays_and_a_row_each_and_a_broken_one_stops_nothing(mapper, tmp_path, caplog):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)).save(tmp_path / folder / "x.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    inputs = [tmp_path / "a" / "x.png", tmp_path / "broken.png", tmp_path / "b" / "x.png"]
    failures = write_maps(mapper, inputs, tmp_path / "maps")
    assert len(failures) == 1
    assert "broken.png cannot be mapped" in failures[0]
    with (tmp_path / "maps" / "maps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [f"{name}/{tag}.nii.gz" for name in ("a_x", "b_x") for tag in TAGS]
    for row in rows:
        assert 0 <= float(row["probability"]) <= 1
        assert row["recognized"] == ("yes" if float(row["probability"]) >= 0.5 else "no")
        assert sitk.ReadImage(str(tmp_path / "maps" / row["file"])).GetSize() == (40, 48)
    assert (tmp_path / "maps" / "a_x" / "overlay.png").read_bytes().startswith(b"\x89PNG")


def test_another_number_of_channels_is_one_sentence(mapper):
    with pytest.raises(UserError, match=r"has 3 channel\(s\), the bundle reads 1"):
        mapper(np.zeros((3, 32, 32), np.float32))
