"""Tiny downloads, laid out, named and numbered as the originals."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

SHAPE = (6, 5, 4)
AFFINE = np.array([[-0.7, 0, 0, 30], [0, 0.7, 0, -20], [0, 0, 3, 5], [0, 0, 0, 1]])
# With the misprint that is in the original.
AMOS_LABELS = [
    *("background", "spleen", "right kidney", "left kidney", "gall bladder", "esophagus", "liver", "stomach", "arota"),
    *("postcava", "pancreas", "right adrenal gland", "left adrenal gland", "duodenum", "bladder", "prostate/uterus"),
]


def write_volume(file: Path, values=None, dtype=np.int16, affine=AFFINE, shape=SHAPE) -> Path:
    """An image, or, with values, a label that holds each of them."""
    voxels = np.random.default_rng(len(file.name)).integers(-1000, 1000, shape)
    if values is not None:
        voxels = np.resize(values, shape)
    file.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels.astype(dtype), affine), file)
    return file


def write_btcv(folder: Path) -> Path:
    data = folder / "Abdomen" / "RawData"
    for number in ("0001", "0002"):
        write_volume(data / "Training" / "img" / f"img{number}.nii.gz")
        write_volume(data / "Training" / "label" / f"label{number}.nii.gz", range(14), np.uint8)
    write_volume(data / "Testing" / "img" / "img0061.nii.gz")
    return folder


def write_mmwhs(folder: Path) -> Path:
    values = [0, 500, 600, 420, 550, 205, 820, 850]
    for case in (
        "ct_train/ct_train_1001",
        "ct_train/ct_train_1002",
        "mr_train/mr_train_1001",
        "mr_train/mr_train_1002",
    ):
        slip = [421] if case.endswith("mr_train_1002") else []
        write_volume(folder / "MM-WHS 2017 Dataset" / f"{case}_image.nii.gz")
        write_volume(folder / "MM-WHS 2017 Dataset" / f"{case}_label.nii.gz", values + slip)
    write_volume(folder / "MM-WHS 2017 Dataset" / "ct_test" / "ct_test_2001_image.nii.gz")
    return folder


def write_brats2021(folder: Path) -> Path:
    for case in ("BraTS2021_00000", "BraTS2021_00002"):
        for ending in ("flair", "t1", "t1ce", "t2"):
            write_volume(folder / case / f"{case}_{ending}.nii.gz")
        write_volume(folder / case / f"{case}_seg.nii.gz", [0, 1, 2, 4])
    return folder


def write_brats2018(folder: Path) -> Path:
    for case in ("HGG/Brats18_2013_2_1", "LGG/Brats18_TCIA13_642_1"):
        name = case.split("/")[1]
        for ending in ("flair", "t1", "t1ce", "t2"):
            write_volume(folder / case / f"{name}_{ending}.nii")
        write_volume(folder / case / f"{name}_seg.nii", [0, 1, 2, 4])
    (folder / "survival_data.csv").write_text("Brats18ID,Age,Survival\n")
    return folder


def write_brats2023(folder: Path) -> Path:
    for case in ("BraTS-GLI-00000-000", "BraTS-GLI-00002-000"):
        for ending in ("t1c", "t1n", "t2f", "t2w"):
            write_volume(folder / case / f"{case}-{ending}.nii.gz")
        write_volume(folder / case / f"{case}-seg.nii.gz", [0, 1, 2, 3])
    return folder


def write_amos(folder: Path) -> Path:
    """CT 1, MR 507 for training, CT 8 for validation, CT 411 and MR 601 for testing."""
    home = folder / "amos22"
    content = {"labels": {str(value): name for value, name in enumerate(AMOS_LABELS)}}
    for entry, ending, numbers in (
        ("training", "Tr", (1, 507)),
        ("validation", "Va", (8,)),
        ("test", "Ts", (411, 601)),
    ):
        content[entry] = []
        for number in numbers:
            file = f"amos_{number:04d}.nii.gz"
            paths = {"image": f"./images{ending}/{file}"}
            write_volume(home / paths["image"])
            if entry != "test":
                paths["label"] = f"./labels{ending}/{file}"
                write_volume(home / paths["label"], range(16), np.uint8)
            content[entry].append(paths)
    (home / "dataset.json").write_text(json.dumps(content))
    return folder


WRITERS = {
    "btcv": write_btcv,
    "mmwhs": write_mmwhs,
    "amos": write_amos,
    "brats": write_brats2021,
    "brats2018": write_brats2018,
    "brats2023": write_brats2023,
}


@pytest.fixture
def download(tmp_path):
    """`download("btcv")` writes a tiny download and returns the folder that a user would give."""
    return lambda name: WRITERS[name](tmp_path / "download")


@pytest.fixture(scope="session")
def volume_writer():
    """`volume_writer(file)` writes an image, `volume_writer(file, values)` a label."""
    return write_volume


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """nnU-Net's folder of raw datasets, empty."""
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    (tmp_path / "raw").mkdir()
    return tmp_path / "raw"
