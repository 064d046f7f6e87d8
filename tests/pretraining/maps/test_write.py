import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image
from torch.nn import functional

from pretraining.errors import UserError
from pretraining.maps.geometry import PlacedImage
from pretraining.maps.mapper import AttentionMapper
from pretraining.maps.write import MapWriter
from pretraining.studies.images.load import load_images

TAGS = ("liver", "kidney_left")


@pytest.fixture
def mapper(bundle):
    return AttentionMapper(bundle, TAGS, torch.device("cpu"))


def write_volume(path, array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 1.5, 4.0))
    image.SetOrigin((10.0, -5.0, 3.0))
    # RAS, as NIfTI files often are.
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(3, 40, 30)).astype(np.float32)


@pytest.fixture
def volume(tmp_path, array):
    return write_volume(tmp_path / "volume.nii.gz", array)


def table(folder, name="maps.csv"):
    with (folder / name).open() as file:
        return list(csv.DictReader(file))


def assert_same_place(ours, theirs):
    dim = theirs.GetDimension()
    assert ours.GetSize()[:dim] == theirs.GetSize()
    assert ours.GetSpacing()[:dim] == pytest.approx(theirs.GetSpacing(), abs=1e-5)
    assert ours.GetOrigin()[:dim] == pytest.approx(theirs.GetOrigin(), abs=1e-5)
    direction = np.array(ours.GetDirection()).reshape(ours.GetDimension(), -1)[:dim, :dim]
    assert direction.ravel() == pytest.approx(theirs.GetDirection(), abs=1e-5)


def test_maps_have_the_geometry_of_their_image_and_a_value_everywhere(mapper, volume, tmp_path):
    assert MapWriter(mapper, tmp_path / "maps").write({volume: Path("volume")}) == 0
    for tag in TAGS:
        written = sitk.ReadImage(str(tmp_path / "maps" / "volume" / f"{tag}.nii.gz"))
        assert_same_place(written, sitk.ReadImage(str(volume)))
        values = sitk.GetArrayFromImage(written)
        assert np.isfinite(values).all()
        assert np.abs(values).max() <= 1


def test_a_map_is_nan_exactly_where_the_image_has_no_value(mapper, array, tmp_path):
    array[:, :5] = np.nan
    array[1, 20, 3] = np.inf
    path = write_volume(tmp_path / "padded.nii.gz", array)
    assert MapWriter(mapper, tmp_path / "maps").write({path: Path("padded")}) == 0
    for tag in TAGS:
        # ITK alone reads zeros for NaN.
        values = sitk.GetArrayFromImage(load_images(tmp_path / "maps" / "padded" / f"{tag}.nii.gz")[0].pixels)
        assert np.array_equal(np.isnan(values), ~np.isfinite(array))


@pytest.mark.parametrize("flat", [False, True])
def test_a_stack_holds_the_maps_of_single_files_in_the_order_of_its_sidecar(mapper, volume, tmp_path, flat):
    if flat:
        volume = tmp_path / "flat.png"
        Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)).save(volume)
    for stack in (False, True):
        MapWriter(mapper, tmp_path / str(stack), stack=stack).write({volume: Path("image")})
    stacked = sitk.ReadImage(str(tmp_path / "True" / "image" / "maps.nii.gz"))
    assert stacked.GetDimension() == 4
    assert_same_place(stacked, sitk.ReadImage(str(tmp_path / "False" / "image" / "liver.nii.gz")))
    sidecar = json.loads((tmp_path / "True" / "image" / "maps.json").read_text())
    assert [entry["tag"] for entry in sidecar["volumes"]] == list(TAGS)
    for row, entry in zip(table(tmp_path / "True"), sidecar["volumes"], strict=True):
        assert row["file"] == "image/maps.nii.gz"
        assert float(row["probability"]) == pytest.approx(entry["probability"], abs=1e-4)
        alone = sitk.ReadImage(str(tmp_path / "False" / "image" / f"{row['tag']}.nii.gz"))
        part = sitk.GetArrayFromImage(stacked)[int(row["volume"])]
        assert np.array_equal(part.reshape(alone.GetSize()[::-1]), sitk.GetArrayFromImage(alone))


def test_a_3d_bundle_maps_volumes_and_lists_pictures_as_rejects(volume_bundle, tmp_path, array):
    mapper = AttentionMapper(volume_bundle, TAGS, torch.device("cpu"))
    # As large as the network's input: the map on the image is the network's own, interpolated.
    values = np.random.default_rng(1).normal(size=(16, 16, 16)).astype(np.float32)
    cube = sitk.GetImageFromArray(values)
    sitk.WriteImage(cube, str(tmp_path / "cube.mha"))
    Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "flat.png")
    images = {tmp_path / "cube.mha": Path("cube"), tmp_path / "flat.png": Path("flat")}
    assert MapWriter(mapper, tmp_path / "maps").write(images) == 1
    with torch.no_grad():
        seen = torch.from_numpy(mapper.info.normalization(values[None]))[None]
        expected = functional.interpolate(mapper.network(seen).maps, size=(16, 16, 16), mode="trilinear")[0]
    for number, tag in enumerate(TAGS):
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "maps" / "cube" / f"{tag}.nii.gz")))
        assert np.allclose(found, expected[number], atol=1e-5)
    (reject,) = table(tmp_path / "maps", "rejects.csv")
    assert reject["image"].endswith("flat.png")
    assert "the bundle is 3D and the image 2D" in reject["reason"]


def test_a_map_written_back_lies_where_it_was_found(volume, array, tmp_path):
    placed = PlacedImage(load_images(volume)[0])
    assert placed.array.shape == (1, 3, 40, 30)
    placed.write([placed.array[0]], tmp_path / "back.nii.gz")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "back.nii.gz"))), array)
    # The array that the network sees is turned: the file runs to the patient's right.
    assert not np.array_equal(placed.array[0], array)


@pytest.mark.parametrize("shape", [(20, 1, 30), (20, 30, 1), (1, 20, 30), (1, 3, 20, 30)])
def test_a_slice_in_a_volume_and_a_point_in_time_go_back_to_where_they_were(tmp_path, shape):
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    image = sitk.GetImageFromArray(array, isVector=False)
    image.SetSpacing((1.0, 5.0, 2.0, 1.0)[: len(shape)])
    sitk.WriteImage(image, str(tmp_path / "odd.nii.gz"))
    placed = PlacedImage(load_images(tmp_path / "odd.nii.gz")[0])
    placed.write([placed.array[0]], tmp_path / "back.nii.gz")
    back = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "back.nii.gz")))
    assert np.array_equal(back, array[0] if array.ndim == 4 else array)


def test_every_image_has_a_row_a_map_and_a_picture_and_a_broken_one_stops_nothing(mapper, tmp_path, caplog):
    Image.fromarray(np.arange(48 * 40, dtype=np.uint8).reshape(48, 40)).save(tmp_path / "x.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    Image.fromarray(np.full((9, 9), 7, np.uint8)).save(tmp_path / "constant.png")
    names = {tmp_path / "broken.png": Path("broken"), tmp_path / "constant.png": Path("constant")}
    assert MapWriter(mapper, tmp_path / "maps").write({**names, tmp_path / "x.png": Path("deep/x")}) == 2
    rows = table(tmp_path / "maps")
    assert [row["file"] for row in rows] == [f"deep/x/{tag}.nii.gz" for tag in TAGS]
    for row in rows:
        assert row["kind"] == "trained"
        assert row["image"] == str(tmp_path / "x.png")
        assert sitk.ReadImage(str(tmp_path / "maps" / row["file"])).GetSize() == (40, 48)
    assert (tmp_path / "maps" / "deep" / "x" / "overlay.png").read_bytes().startswith(b"\x89PNG")
    reasons = {Path(row["image"]).name: row["reason"] for row in table(tmp_path / "maps", "rejects.csv")}
    assert "not a picture" in reasons["broken.png"]
    assert "constant" in reasons["constant.png"]
    assert "broken.png cannot be mapped" in caplog.text


def write_series(folder, number, kind="ORIGINAL\\PRIMARY\\AXIAL"):
    """Three CT slices as DICOM objects."""
    folder.mkdir(exist_ok=True)
    for height in range(3):
        array = np.random.default_rng(height).integers(0, 1000, (1, 24, 20)).astype(np.int16)
        image = sitk.GetImageFromArray(array)
        fields = {
            "0008|0008": kind,
            "0008|0060": "CT",
            "0020|000d": "1.2.3",
            "0020|000e": f"1.2.3.{number}",
            "0020|0032": f"0\\0\\{5 * height}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in fields.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{number}_{height}.dcm"))
        writer.Execute(image)


def test_every_series_of_a_dicom_folder_is_mapped_and_what_is_left_out_is_listed(mapper, tmp_path):
    write_series(tmp_path / "ct", 1)
    assert MapWriter(mapper, tmp_path / "one").write({tmp_path / "ct": Path("ct")}) == 0
    assert [row["file"] for row in table(tmp_path / "one")] == [f"ct/{tag}.nii.gz" for tag in TAGS]
    assert sitk.ReadImage(str(tmp_path / "one" / "ct" / "liver.nii.gz")).GetSize() == (20, 24, 3)
    write_series(tmp_path / "ct", 2)
    write_series(tmp_path / "ct", 3, kind="ORIGINAL\\PRIMARY\\LOCALIZER")
    assert MapWriter(mapper, tmp_path / "two").write({tmp_path / "ct": Path("ct")}) == 0
    rows = table(tmp_path / "two")
    assert [row["file"] for row in rows] == [f"ct/series_{number}/{tag}.nii.gz" for number in (1, 2) for tag in TAGS]
    assert {row["reason"] for row in table(tmp_path / "two", "rejects.csv")} == {"a localizer"}


@pytest.mark.parametrize(("threshold", "recognized"), [(0.0, "yes"), (1.0, "no")])
def test_the_threshold_decides_what_counts_as_recognized(mapper, volume, tmp_path, threshold, recognized):
    MapWriter(mapper, tmp_path / "maps", threshold=threshold).write({volume: Path("volume")})
    rows = table(tmp_path / "maps")
    assert [row["recognized"] for row in rows] == [recognized] * len(TAGS)
    assert all(0 < float(row["probability"]) < 1 for row in rows)


def test_another_number_of_channels_is_one_sentence(mapper):
    with pytest.raises(UserError, match=r"has 3 channel\(s\), the bundle reads 1"):
        mapper(np.zeros((3, 32, 32), np.float32))
