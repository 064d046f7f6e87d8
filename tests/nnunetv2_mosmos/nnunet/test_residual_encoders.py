"""nnU-Net's ResEnc presets on several channels, with regions and an ignore label."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from nnunetv2_mosmos.cli.attach import main
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec

PLANS = "nnUNetResEncUNetMPlans"
TRAINER = "nnUNetTrainerMOSMOS_smoke"
EXTENT = 16


@dataclass(frozen=True)
class Case:
    dataset: str
    channels: int
    labels: dict
    regions_class_order: list[int] | None
    tags: tuple[str, ...]


CASES = [
    Case(
        "Dataset922_TwoChannels",
        2,
        {"background": 0, "liver": 1, "spleen": 2, "kidney_left": 3, "ignore": 4},
        None,
        ("liver", "spleen", "kidney_left"),
    ),
    Case(
        "Dataset924_Regions",
        4,
        {"background": 0, "abdomen": [1, 2, 3], "liver": 1, "spleen": 2, "ignore": 4},
        [3, 1, 2],
        ("liver", "spleen"),
    ),
]


def write_dataset(folder: Path, case: Case) -> None:
    """Five volumes of cuboids; the first slices are not annotated."""
    (folder / "imagesTr").mkdir(parents=True)
    (folder / "labelsTr").mkdir()
    for number in range(5):
        generator = np.random.default_rng(number)
        labels = np.zeros((EXTENT,) * 3, np.uint8)
        labels[3:8, 2:7, 2:7], labels[9:14, 2:7, 9:14], labels[9:14, 9:14, 2:7] = 1, 2, 3
        for channel in range(case.channels):
            image = 40.0 * (channel + 1) * labels + generator.normal(0, 5, labels.shape)
            name = f"case{number}_{channel:04d}.nii.gz"
            sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.float32)), folder / "imagesTr" / name)
        labels[:2] = 4
        sitk.WriteImage(sitk.GetImageFromArray(labels), folder / "labelsTr" / f"case{number}.nii.gz")
    channels = {str(channel): f"MR{channel}" for channel in range(case.channels)}
    description = {"channel_names": channels, "labels": case.labels, "numTraining": 5, "file_ending": ".nii.gz"}
    if case.regions_class_order:
        description["regions_class_order"] = case.regions_class_order
    (folder / "dataset.json").write_text(json.dumps(description))


@pytest.fixture
def home(nnunet_home, monkeypatch, tmp_path):
    """Empty nnU-Net folders."""
    for name in ("raw", "preprocessed", "results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    return tmp_path


def plan_and_preprocess(dataset: int) -> None:
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    api.extract_fingerprints([dataset], num_processes=1, show_progress_bar=False)
    assert api.plan_experiments([dataset], "nnUNetPlannerResEncM") == PLANS
    api.preprocess([dataset], PLANS, ("3d_fullres",), num_processes=(1,), show_progress_bar=False)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.dataset)
def test_the_resenc_preset_plans_trains_and_predicts(home, case, bundle_of, threads, train, predict):
    write_dataset(home / "raw" / case.dataset, case)
    number = case.dataset[7:10]
    with threads():
        plan_and_preprocess(int(number))
    bundle = bundle_of(home / "bundle", EncoderSpec("resenc", 2, 1, convolutional_arguments("resenc", 2, 3)))
    assert main(["-d", number, "-b", str(bundle.path), "-p", PLANS, "--allow-untagged"]) == 0
    train(TRAINER, "3d_fullres", dataset=number, plans_identifier=PLANS)

    model = home / "results" / case.dataset / f"{TRAINER}__{PLANS}__3d_fullres"
    settings = json.loads((model / "plans.json").read_text())["mosmos"]
    assert tuple(settings["maps"]["tags"]) == case.tags
    assert settings["pretrained_parts"] == ["stem", "stages.0", "stages.1", "stages.2"]
    summary = json.loads((model / "fold_0" / "validation" / "summary.json").read_text())
    assert 0 <= summary["foreground_mean"]["Dice"] <= 1
    weights = torch.load(model / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    assert weights["encoder.stem.convs.0.conv.weight"].shape[1] == case.channels
    images = home / "raw" / case.dataset / "imagesTr"
    options = ("-d", number, "-tr", TRAINER, "-p", PLANS, "-c", "3d_fullres", "-f", "0")
    segmentation = predict(images, "case0", home / "out", *options)
    assert segmentation.shape == (EXTENT,) * 3
    assert segmentation.max() <= 3
