from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from PIL import Image

from nnunetv2_mosmos.selftraining.scans import Lie, Slices, UnfitImageError, lie_of, write_scan
from pretraining.errors import UserError
from pretraining.studies.arrays import write_array
from pretraining.studies.images.grid import ORIENTATION, geometry_of

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
# A dataset stored in RAS: rows of its axial slices run to the front, columns to the right.
LIE = Lie("RAS", channels=1, is_ct=False, slices=Slices(True, (32, 64), (2.0, 1.0)))


@pytest.fixture
def volume():
    """An upright volume that does not look the same from any side."""
    image = sitk.GetImageFromArray(np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4) - 5)
    image.SetSpacing((0.5, 1.5, 5.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection(IDENTITY)
    return image


def store(folder, image, has_spacing=True, channels=1):
    array = np.stack([sitk.GetArrayFromImage(image)] * channels)
    write_array(folder / "a.b2nd", array, geometry_of(image, image, ORIENTATION, has_spacing))
    return folder / "a.b2nd"


def written(folder, array, lie=LIE, modality="MR"):
    write_scan(array, modality, lie, [folder / f"{channel}.nii.gz" for channel in range(lie.channels)])
    return sitk.ReadImage(folder / "0.nii.gz")


PLANS = SimpleNamespace(transpose_forward=(0, 1, 2))
VOLUMES = {"channel_names": {"0": "T1"}, "file_ending": ".nii"}
FLAT = SimpleNamespace(patch_size=(64, 32), spacing=(1.0, 2.0), normalization_schemes=["ZScoreNormalization"])


@pytest.mark.parametrize("reader", [SimpleITKIO, NibabelIO])
@pytest.mark.parametrize(("orientation", "axial"), [("RAS", True), ("PSR", False)])
def test_every_reader_tells_how_a_dataset_lies(tmp_path, volume, reader, orientation, axial):
    sitk.WriteImage(sitk.DICOMOrient(volume, orientation), tmp_path / "a.nii")
    lie = lie_of(reader().read_images([str(tmp_path / "a.nii")])[1], PLANS, FLAT, VOLUMES)
    assert (lie.orientation, lie.slices.axial) == (orientation, axial)


def test_pictures_lie_upright():
    pictures = {"channel_names": {"0": "X-ray"}, "file_ending": ".png"}
    slices = Slices(True, (64, 32), (1.0, 2.0))
    assert lie_of({}, PLANS, FLAT, pictures) == Lie("LPS", 1, False, slices, frozenset({"XR"}))


def test_volumes_of_unknown_direction_are_one_sentence():
    with pytest.raises(UserError, match=r"reads no direction in 3D from its \.nii files; convert them"):
        lie_of({}, PLANS, FLAT, VOLUMES)


@pytest.mark.parametrize("slices", [LIE.slices, None])
def test_a_volume_lies_as_the_dataset_does_where_it_lay(tmp_path, volume, slices):
    found = written(tmp_path, store(tmp_path, volume), replace(LIE, slices=slices))
    assert sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(found.GetDirection()) == "RAS"
    for index in np.ndindex(*volume.GetSize()):
        point = volume.TransformIndexToPhysicalPoint(tuple(map(int, index)))
        assert found[found.TransformPhysicalPointToIndex(point)] == volume[tuple(map(int, index))]


def test_a_picture_is_an_axial_slice_that_fills_the_patch(tmp_path):
    picture = sitk.GetImageFromArray(np.arange(20 * 80, dtype=np.int32).reshape(20, 80))
    found = written(tmp_path, store(tmp_path, picture, has_spacing=False))
    assert found.GetSize() == (80, 20, 1)
    # 80 columns in the 64 of the patch, of 1 mm each; 20 rows scaled alike, of 2 mm each.
    assert found.GetSpacing()[:2] == pytest.approx((0.8, 1.6))
    # Its upper left corner is the patient's right and front: in RAS the end of both axes.
    assert found[79, 19, 0] == 0
    assert found[0, 0, 0] == 20 * 80 - 1


def test_a_picture_of_known_spacing_keeps_it(tmp_path):
    picture = sitk.GetImageFromArray(np.arange(6, dtype=np.int32).reshape(2, 3))
    picture.SetSpacing((0.7, 0.9))
    assert written(tmp_path, store(tmp_path, picture)).GetSpacing() == pytest.approx((0.7, 0.9, 1.0))


@pytest.mark.parametrize(("least", "most"), [(0, 200), (-1000, 3000)])
def test_where_the_dataset_has_pictures_a_picture_is_one_that_fills_the_patch(tmp_path, least, most):
    values = np.linspace(least, most, 20 * 80).reshape(20, 80).astype(np.int16)
    write_scan(store(tmp_path, sitk.GetImageFromArray(values)), "XR", LIE, [tmp_path / "0.png"])
    found = np.asarray(Image.open(tmp_path / "0.png"))
    # 64 columns are the patch's; 20 rows are scaled alike.
    assert found.shape == (16, 64) and found.dtype == np.uint8
    # What has no more than 256 values keeps them.
    assert found.min() <= 3
    assert abs(int(found.max()) - (200 if most == 200 else 255)) <= 3
    assert np.all(np.diff(found.mean(1)) > 0)


@pytest.mark.parametrize("modality", ["MR", "OT", "unknown"])
def test_images_of_the_same_or_of_an_unknown_modality_are_taken(tmp_path, volume, modality):
    written(tmp_path, store(tmp_path, volume), replace(LIE, modalities=frozenset({"MR"})), modality)


def test_fractions_become_grey_values(tmp_path):
    values = np.linspace(0, 1, 20 * 80).reshape(20, 80).astype(np.float32)
    write_scan(store(tmp_path, sitk.GetImageFromArray(values)), "XR", LIE, [tmp_path / "0.png"])
    found = np.asarray(Image.open(tmp_path / "0.png"))
    assert found.max() > 250
    assert len(np.unique(found)) > 10


def test_a_picture_of_one_value_is_black_where_that_is_no_grey_value(tmp_path):
    picture = sitk.GetImageFromArray(np.full((20, 80), -1000, np.int16))
    write_scan(store(tmp_path, picture), "XR", LIE, [tmp_path / "0.png"])
    assert not np.asarray(Image.open(tmp_path / "0.png")).any()


def test_where_the_dataset_has_pictures_volumes_are_not_taken(tmp_path, volume):
    with pytest.raises(UnfitImageError, match="it is a volume, the dataset's images are pictures"):
        write_scan(store(tmp_path, volume), "MR", LIE, [tmp_path / "0.png"])


@pytest.mark.parametrize(
    ("lie", "modality", "reason"),
    [
        (replace(LIE, channels=2), "MR", "it has 1 channel(s), the dataset's images have 2"),
        (replace(LIE, is_ct=True), "MR", "it is MR, the dataset's images are CT"),
        (LIE, "CT", "it is CT, the dataset's images are not CT"),
        (replace(LIE, modalities=frozenset({"MR", "PT"})), "XR", "it is XR, the dataset's images are MR or PT"),
        (replace(LIE, modalities=frozenset({"MR"})), "CT", "it is CT, the dataset's images are MR"),
        (replace(LIE, is_ct=True), "unknown", "it has no negative value and is not in Hounsfield units"),
        (replace(LIE, slices=None), "MR", "it is a picture, and the network reads volumes"),
        (replace(LIE, slices=replace(LIE.slices, axial=False)), "MR", "the network's slices are not axial"),
    ],
)
def test_pictures_that_the_network_cannot_read_say_why(tmp_path, lie, modality, reason):
    array = store(tmp_path, sitk.GetImageFromArray(np.arange(6, dtype=np.uint8).reshape(2, 3)))
    with pytest.raises(UnfitImageError) as error:
        written(tmp_path, array, lie, modality)
    assert reason in str(error.value)
    assert not list(tmp_path.glob("*.nii.gz"))


def test_a_volume_of_unknown_spacing_is_not_taken(tmp_path, volume):
    with pytest.raises(UnfitImageError, match="nobody knows the size of its voxels"):
        written(tmp_path, store(tmp_path, volume, has_spacing=False))
