"""Trainers built in-process, and models trained once a session."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import nnunetv2_mosmos.trainers as trainers


@pytest.fixture
def make_trainer(nnunet_home, monkeypatch, tmp_path) -> Callable:
    """Build a trainer whose results go to a folder of the test's own."""
    monkeypatch.setenv("nnUNet_results", str(tmp_path / "results"))

    def build(name: str, configuration: str = "2d", fold: int = 0, continued: bool = False, **files: dict):
        return getattr(trainers, name)(
            plans={**files.get("plans", nnunet_home.plans()), "continue_training": continued},
            configuration=configuration,
            fold=fold,
            dataset_json=files.get("dataset_json", nnunet_home.dataset_json()),
            device=torch.device("cpu"),
        )

    return build


@pytest.fixture(scope="session")
def train():
    """Train as `nnUNetv2_train` does."""

    def run(name: str, configuration: str, **options) -> None:
        from nnunetv2.run.run_training import run_training

        run_training("917", configuration, 0, name, device=torch.device("cpu"), **options)

    return run


@pytest.fixture(scope="session")
def trained(
    nnunet_home, unet_bundle, vit_bundle, train, attach, threads, tmp_path_factory
) -> dict[tuple[str, str], Path]:
    """Models of the smoke trainers, by trainer and configuration. Their bundles are deleted and detached afterwards."""
    models = {}
    for name, bundle, configurations in (
        ("nnUNetTrainerMOSMOS_smoke", unet_bundle, ("2d", "3d_fullres")),
        ("nnUNetTrainerMOSMOS_UNETR_smoke", vit_bundle, ("3d_fullres",)),
    ):
        copy = tmp_path_factory.mktemp("passing") / bundle.path.name
        shutil.copytree(bundle.path, copy)
        with attach(nnunet_home, bundle, bundle=copy), threads():
            for configuration in configurations:
                train(name, configuration)
                models[name, configuration] = nnunet_home.model(name, configuration)
        shutil.rmtree(copy)
    return models
