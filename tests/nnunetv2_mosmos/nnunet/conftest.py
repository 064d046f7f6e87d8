"""nnU-Net's own commands, run in-process, and two models trained once with `--npz`."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

TRAINER = "nnUNetTrainerMOSMOS_smoke"


@pytest.fixture(scope="session")
def train(threads) -> Callable[..., None]:
    """`nnUNetv2_train`."""

    def run(trainer: str, configuration: str, fold: int | str = 0, dataset: str = "917", **options) -> None:
        from nnunetv2.run.run_training import run_training

        with threads():
            run_training(dataset, configuration, fold, trainer, device=torch.device("cpu"), **options)

    return run


@pytest.fixture
def command(monkeypatch, threads) -> Callable[..., None]:
    """`command(entry_point, *words)`: run the function behind one of nnU-Net's commands."""

    def run(entry_point: Callable[[], None], *words: str | Path) -> None:
        monkeypatch.setattr(sys, "argv", ["nnUNetv2", *map(str, words)])
        with threads():
            entry_point()

    return run


@pytest.fixture
def predict(command, tmp_path) -> Callable[..., np.ndarray]:
    """`predict(images, case, target, *words)`: `nnUNetv2_predict` on one case; returns the segmentation."""

    def run(images: Path, case: str, target: Path, *words: str | Path) -> np.ndarray:
        from nnunetv2.inference.predict_from_raw_data import predict_entry_point

        source = tmp_path / "one_case"
        source.mkdir(exist_ok=True)
        for channel in images.glob(f"{case}_*.nii.gz"):
            shutil.copy(channel, source)
        words = ("-i", source, "-o", target, "-device", "cpu", "-npp", "0", "-nps", "0", *words)
        command(predict_entry_point, *words)
        return sitk.GetArrayFromImage(sitk.ReadImage(target / f"{case}.nii.gz"))

    return run


@pytest.fixture(scope="session")
def npz_results(nnunet_home, unet_bundle, attach, train, tmp_path_factory) -> Path:
    """A results folder with fold 0 of two models and their validation probabilities; copy before changing it."""
    results = tmp_path_factory.mktemp("npz")
    with pytest.MonkeyPatch.context() as patch, attach(nnunet_home, unet_bundle):
        patch.setenv("nnUNet_results", str(results))
        for configuration in ("2d", "3d_fullres"):
            train(TRAINER, configuration, export_validation_probabilities=True)
    return results


@pytest.fixture
def results(npz_results, monkeypatch, tmp_path) -> Path:
    """A copy of the two models, to which nnU-Net's results folder points; no bundle is attached any more."""
    folder = tmp_path / "results"
    shutil.copytree(npz_results, folder)
    monkeypatch.setenv("nnUNet_results", str(folder))
    return folder / "Dataset917_Tiny"


@pytest.fixture
def empty_results(nnunet_home, monkeypatch, tmp_path) -> Path:
    """A results folder of the test's own."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))
    os.makedirs(tmp_path / "results")
    return tmp_path / "results"
