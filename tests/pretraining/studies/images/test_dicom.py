from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from pretraining.studies.images.dicom import read, read_folder, read_header
from pretraining.studies.images.grid import upright
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def test_slope_and_intercept_give_hounsfield_units(tmp_path, write_dicom):
    stored = np.array([[0, 1024], [2000, 3000]], dtype=np.int16)
    image = read(write_dicom(tmp_path / "a.dcm", stored, slope="1", intercept="-1024"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), stored - 1024.0)
    assert image.modality == "CT"
    assert image.pixels.GetDimension() == 2


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", CT_STORAGE])
def test_a_spacing_that_no_header_names_is_not_known(tmp_path, write_dicom, sop_class):
    pixels = np.eye(8, dtype=np.uint16)
    image = read(write_dicom(tmp_path / "a.dcm", pixels, sop_class=sop_class, modality="CR", spacing="0.3\\0.2"))
    assert (image.has_spacing, image.pixels.GetSpacing()) == (True, pytest.approx((0.2, 0.3)))
    assert not read(write_dicom(tmp_path / "a.dcm", pixels, sop_class=sop_class, modality="CR", spacing="")).has_spacing


def test_monochrome1_is_inverted_once(tmp_path, write_dicom):
    stored = np.array([[0, 10], [100, 255]], dtype=np.uint16)
    image = read(write_dicom(tmp_path / "a.dcm", stored, photometric="MONOCHROME1", modality="DX", body_part="CHEST"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), 65535 - stored.astype(int))
    assert (image.modality, image.regions) == ("XR", ("chest",))


def test_colour_becomes_luminance(tmp_path, write_dicom):
    stored = np.zeros((2, 2, 3), dtype=np.uint8)
    stored[0, 0] = (255, 0, 0)
    stored[0, 1] = (0, 255, 0)
    image = read(write_dicom(tmp_path / "a.dcm", stored, colour=True, modality="US"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), [[76, 150], [0, 0]])


def test_several_frames_are_a_volume(tmp_path, write_dicom):
    stored = np.arange(5 * 4 * 6, dtype=np.uint16).reshape(5, 4, 6)
    sop_class = "1.2.840.10008.5.1.4.1.1.3.1"
    image = read(
        write_dicom(tmp_path / "a.dcm", stored, modality="US", sop_class=sop_class, position="", orientation="")
    )
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image.pixels), stored)


def test_a_series_is_stacked_by_position_not_by_name(tmp_path, write_series):
    heights = [6.0, 0.0, 4.0, 2.0]
    (image,) = read_folder(write_series(tmp_path / "series", heights))
    array = sitk.GetArrayFromImage(image.pixels)
    assert array.shape == (4, 12, 16)
    np.testing.assert_array_equal(array[:, 0, 0], [0, 20, 40, 60])
    assert image.pixels.GetSpacing() == pytest.approx((0.7, 0.8, 2.0))
    assert image.pixels.GetOrigin() == pytest.approx((-5, -6, 0))
    assert image.left_out == ()


def test_a_series_of_feet_up_slices_becomes_lps(tmp_path, write_series):
    folder = write_series(tmp_path / "s", [0.0, 2.0, 4.0], orientation="-1\\0\\0\\0\\1\\0")
    (image,) = read_folder(folder)
    oriented, original = upright(image.pixels)
    assert original != "LPS"
    assert np.allclose(oriented.GetDirection(), np.eye(3).ravel())
    point = (3, 4, 1)
    physical = image.pixels.TransformIndexToPhysicalPoint(point)
    assert oriented[oriented.TransformPhysicalPointToIndex(physical)] == image.pixels[point]


def test_a_stray_object_in_a_series_is_left_out_and_named(tmp_path, write_dicom, write_series):
    folder = write_series(tmp_path / "s", [0.0, 2.0, 4.0])
    write_dicom(folder / "stray.dcm", np.eye(20, dtype=np.int16), position="0\\0\\9", orientation="1\\0\\0\\0\\0\\-1")
    (image,) = read_folder(folder)
    assert image.pixels.GetSize() == (16, 12, 3)
    ((name, reason),) = image.left_out
    assert name == "stray.dcm"
    assert "stray" in reason


def test_reports_localizers_and_objects_of_other_studies_are_left_out_and_named(tmp_path, write_dicom, write_series):
    folder = write_series(tmp_path / "s", [0.0, 2.0, 4.0])
    square = np.eye(12, 16, dtype=np.int16)
    write_dicom(folder / "sr.dcm", square, has_pixels=False, sop_class="1.2.840.10008.5.1.4.1.1.88.11", series="9")
    write_dicom(folder / "scout.dcm", square, image_type="ORIGINAL\\PRIMARY\\LOCALIZER", series="8", position="0\\0\\0")
    write_dicom(folder / "other.dcm", square, study="7.7.7", series="7", position="0\\0\\0")
    (folder / "notes.txt").write_text("not DICOM")
    (image,) = read_folder(folder)
    assert image.pixels.GetSize() == (16, 12, 3)
    reasons = dict(image.left_out)
    assert set(reasons) == {"sr.dcm", "scout.dcm", "other.dcm"}
    assert "localizer" in reasons["scout.dcm"]
    assert "another study" in reasons["other.dcm"]


def test_two_series_are_two_images(tmp_path, write_dicom, write_series):
    folder = write_series(tmp_path / "s", [0.0, 2.0, 4.0])
    for number in range(2):
        position, pixels = f"0\\0\\{number}", np.eye(12, 16, dtype=np.int16)
        write_dicom(folder / f"second{number}.dcm", pixels, series="5.5", position=position, number=str(number))
    assert sorted(image.pixels.GetSize()[2] for image in read_folder(folder)) == [2, 3]


@pytest.mark.parametrize("frames", [(5, 5), (5, 6)])
def test_objects_of_several_frames_are_images_of_their_own(tmp_path, write_dicom, frames):
    for number, count in enumerate(frames):
        stored = np.random.default_rng(number).integers(0, 99, (count, 4, 6)).astype(np.uint16)
        place = {"position": f"0\\0\\{50 * number}", "number": str(number + 1), "uid": f"1.2.{number}"}
        write_dicom(tmp_path / f"{number}.dcm", stored, **place)
    images = read_folder(tmp_path)
    assert sorted(image.pixels.GetSize()[2] for image in images) == sorted(frames)
    assert images[0].left_out == ()


def test_radiographs_of_one_series_are_not_stacked(tmp_path, write_dicom):
    for name in ("pa", "lateral"):
        write_dicom(tmp_path / f"{name}.dcm", np.eye(8, dtype=np.uint16), modality="DX", orientation="")
    images = read_folder(tmp_path)
    assert [image.pixels.GetDimension() for image in images] == [2, 2]


def test_one_missing_slice_is_interpolated_and_flagged(tmp_path, write_series):
    heights = [2.0 * k for k in range(12) if k != 5]
    (image,) = read_folder(write_series(tmp_path / "s", heights))
    array = sitk.GetArrayFromImage(image.pixels)
    np.testing.assert_array_equal(array[:, 0, 0], 20 * np.arange(12))
    assert "1 missing slices" in image.flags[0]


def test_too_many_missing_slices_are_refused(tmp_path, write_series):
    heights = [2.0 * k for k in range(12) if k not in (3, 4, 5, 6, 7)]
    with pytest.raises(UnusableImageError, match="slices are missing: about 5 beside 7"):
        read_folder(write_series(tmp_path / "s", heights))


def test_a_second_slice_at_one_position_is_left_out(tmp_path, write_dicom, write_series):
    folder = write_series(tmp_path / "s", [0.0, 2.0, 4.0])
    write_dicom(folder / "again.dcm", np.ones((12, 16), np.int16), position="-5\\-6\\2", number="9")
    (image,) = read_folder(folder)
    assert sitk.GetArrayFromImage(image.pixels)[1, 0, 0] == 20
    assert image.left_out == (("again.dcm", "a second object at the same position"),)


def test_a_tilted_gantry_is_refused(tmp_path, write_dicom):
    for number in range(4):
        position = f"0\\{number}\\{2 * number}"
        write_dicom(tmp_path / f"{number}.dcm", np.eye(12, 16, dtype=np.int16), position=position, number=str(number))
    with pytest.raises(UnusableImageError, match="sheared by 26"):
        read_folder(tmp_path)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_a_truncated_object_is_unusable(tmp_path, write_dicom, share):
    path = write_dicom(tmp_path / "a.dcm", np.arange(64 * 64, dtype=np.int16).reshape(64, 64))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnusableImageError):
        load_images(path)


def test_the_header_names_patient_study_and_accession(tmp_path, write_dicom):
    header = read_header(write_dicom(tmp_path / "a.dcm", np.eye(8, dtype=np.int16), position="1\\2\\3.5"))
    assert (header.patient, header.study, header.accession) == ("P1", "1.2.3", "ACC1")
    assert header.position == (1.0, 2.0, 3.5)
