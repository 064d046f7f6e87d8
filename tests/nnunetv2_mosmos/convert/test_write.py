import csv

import nibabel
import numpy as np
import pytest

from nnunetv2_mosmos.convert.datasets import read_source
from nnunetv2_mosmos.convert.write import convert
from pretraining.errors import UserError


@pytest.fixture
def training(download):
    """`img` and `label` of a tiny BTCV, to be spoiled."""
    return download("btcv") / "Abdomen" / "RawData" / "Training"


def converted(training, folder, **options):
    return convert(read_source("btcv", training.parent, None), folder, **options)


def truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def moved(shift):
    affine = np.diag([0.7, 0.7, 3, 1])
    affine[:3, 3] = shift
    return affine


SPOILED = {
    "no label": (lambda folder, write: (folder / "label" / "label0002.nii.gz").unlink(), "label0002.nii.gz is missing"),
    "no image": (lambda folder, write: (folder / "img" / "img0002.nii.gz").unlink(), "img0002.nii.gz is missing"),
    "a damaged label": (
        lambda folder, write: truncate(folder / "label" / "label0002.nii.gz"),
        "label0002.nii.gz cannot be read (",
    ),
    "an image that is none": (
        lambda folder, write: (folder / "img" / "img0002.nii.gz").write_bytes(b"<html>sign in first</html>"),
        "img0002.nii.gz cannot be read (",
    ),
    "a truncated image": (
        lambda folder, write: truncate(folder / "img" / "img0002.nii.gz"),
        "img0002.nii.gz cannot be read (the file is truncated or damaged",
    ),
    "an image of nothing": (
        lambda folder, write: write(folder / "img" / "img0002.nii.gz", [np.nan], np.float32),
        "img0002.nii.gz holds nothing but NaN or Inf",
    ),
    "another extent": (
        lambda folder, write: write(folder / "label" / "label0002.nii.gz", range(14), shape=(6, 5, 3)),
        "img0002.nii.gz has (6, 5, 4) voxels and label0002.nii.gz has (6, 5, 3)",
    ),
    "another place": (
        lambda folder, write: write(folder / "label" / "label0002.nii.gz", range(14), affine=moved((1, 0, 0))),
        "img0002.nii.gz and label0002.nii.gz lie differently in space",
    ),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_an_unsound_case_stays_behind_with_its_reason(training, raw, volume_writer, fault):
    spoil, reason = SPOILED[fault]
    spoil(training, volume_writer)
    folder = raw / "Dataset017_BTCV"
    conversion = converted(training, folder)
    assert (conversion.training, len(conversion.rejects)) == (1, 1)
    assert [file.name for file in (folder / "labelsTr").iterdir()] == ["img0001.nii.gz"]
    with (folder / "rejects.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["case"] == "img0002"
    assert row["reason"].startswith(reason)
    assert "\n" not in row["reason"]


def test_rounding_in_a_header_is_no_other_place(training, raw, volume_writer):
    affine = nibabel.load(training / "img" / "img0002.nii.gz").affine + 1e-4
    volume_writer(training / "label" / "label0002.nii.gz", range(14), affine=affine)
    assert converted(training, raw / "Dataset017_BTCV").rejects == ()


@pytest.mark.parametrize(("value", "dtype"), [(14, np.uint8), (2.5, np.float32), (-1, np.int16)])
def test_an_unknown_label_value_stops_everything_and_leaves_nothing(training, raw, volume_writer, value, dtype):
    volume_writer(training / "label" / "label0002.nii.gz", [0, 1, value], dtype)
    with pytest.raises(UserError, match=rf"case img0002: .*label0002\.nii\.gz has the value {value}, which BTCV"):
        converted(training, raw / "Dataset017_BTCV")
    assert list(raw.iterdir()) == []


def test_labels_in_floating_point_are_as_good(training, raw, volume_writer):
    volume_writer(training / "label" / "label0002.nii.gz", range(14), np.float32)
    assert converted(training, raw / "Dataset017_BTCV").training == 2


def test_a_failure_in_the_middle_leaves_nothing(training, raw, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("nnunetv2_mosmos.convert.write._place_label", full)
    with pytest.raises(OSError, match="no space left"):
        converted(training, raw / "Dataset017_BTCV")
    assert list(raw.iterdir()) == []


def test_nothing_sound_is_refused_with_the_first_reason(training, raw):
    for label in (training / "label").iterdir():
        label.unlink()
    with pytest.raises(UserError, match=r"no training case to convert; img0001: label0001\.nii\.gz is missing"):
        converted(training, raw / "Dataset017_BTCV")
    assert list(raw.iterdir()) == []


def test_two_cases_of_one_name_are_refused(download, raw):
    folder = download("brats")
    (folder / "copy").mkdir()
    (folder / "BraTS2021_00000").rename(folder / "copy" / "BraTS2021_00000")
    (folder / "BraTS2021_00002").rename(folder / "BraTS2021_00000")
    for file in (folder / "BraTS2021_00000").iterdir():
        file.rename(file.with_name(file.name.replace("00002", "00000")))
    with pytest.raises(UserError, match="several training cases are called BraTS2021_00000"):
        convert(read_source("brats", folder, None), raw / "Dataset137_BraTS")


def test_links_point_to_the_download_and_only_new_values_are_written(training, download, raw):
    folder = raw / "Dataset017_BTCV"
    converted(training, folder, link=True)
    assert (folder / "imagesTr" / "img0001_0000.nii.gz").resolve() == training / "img" / "img0001.nii.gz"
    assert (folder / "labelsTr" / "img0001.nii.gz").resolve() == training / "label" / "label0001.nii.gz"
    brats = raw / "Dataset137_BraTS"
    convert(read_source("brats", download("brats"), None), brats, link=True)
    assert all(file.is_symlink() for file in (brats / "imagesTr").iterdir())
    assert not any(file.is_symlink() for file in (brats / "labelsTr").iterdir())
