import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.imageio.nibabel_reader_writer import NibabelIO, NibabelIOWithReorient

from nnunetv2_mosmos.attach.orientation import axis_codes, orientation_lines

PLANNED = (0, 1, 2)


def properties(orientation: str) -> dict:
    """Of an image stored in an orientation, as nnU-Net's SimpleITK reader tells them."""
    image = sitk.DICOMOrient(sitk.Image([3, 4, 5], sitk.sitkUInt8), orientation)
    return {"sitk_stuff": {"direction": image.GetDirection()}}


@pytest.mark.parametrize(
    ("orientation", "transpose", "codes"),
    [
        ("LPS", PLANNED, ("S", "P", "L")),
        ("RAS", PLANNED, ("S", "A", "R")),
        ("LPS", (2, 0, 1), ("L", "S", "P")),
        ("PSR", PLANNED, ("R", "S", "P")),
        ("PSR", (1, 0, 2), ("S", "R", "P")),
    ],
)
def test_codes_tell_where_array_axes_run_to(orientation, transpose, codes):
    assert axis_codes(properties(orientation), transpose) == codes


def test_an_oblique_volume_is_read_by_the_nearest_axes():
    tilt = np.deg2rad(20)
    direction = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    assert axis_codes({"sitk_stuff": {"direction": tuple(direction.ravel())}}, PLANNED) == ("S", "P", "L")


@pytest.mark.parametrize(("reader", "codes"), [(NibabelIO, ("R", "S", "P")), (NibabelIOWithReorient, ("S", "A", "R"))])
def test_nibabels_readers_tell_it_as_they_bring_the_array(tmp_path, reader, codes):
    image = sitk.DICOMOrient(sitk.Image([3, 4, 5], sitk.sitkFloat32), "PSR")
    sitk.WriteImage(image, tmp_path / "a.nii")
    assert axis_codes(reader().read_images([str(tmp_path / "a.nii")])[1], PLANNED) == codes


@pytest.mark.parametrize(
    "unknown",
    [
        {},
        {"sitk_stuff": {"direction": (1.0, 0.0, 0.0, 1.0)}},
        {"nibabel_stuff": {"original_affine": np.diag([1.0, 1.0, 0.0, 1.0])}},
    ],
)
def test_files_without_a_direction_have_no_codes(unknown):
    assert axis_codes(unknown, PLANNED) is None
    assert "the files tell none" in orientation_lines(None)[0]


def test_upright_volumes_raise_no_warning():
    assert orientation_lines(("S", "P", "L")) == [
        "orientation: the array axes that the network sees run to S, P, L; left-right is axis 2 (axis 1 in 2d)"
    ]


def test_flipped_axes_are_named():
    (_, warning) = orientation_lines(("S", "A", "R"))
    assert warning.startswith("WARNING: upright arrays")
    assert "these the other way along axis 1 and axis 2;" in warning and "DICOMOrient(image, 'LPS')" in warning


def test_transposed_axes_are_told():
    line, warning = orientation_lines(("L", "S", "P"))
    assert "left-right is axis 0 (across the slices in 2d)" in line
    assert "axes are transposed" in warning
