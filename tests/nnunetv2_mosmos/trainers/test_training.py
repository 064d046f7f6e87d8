"""The trainers under nnU-Net's own commands, on six volumes of 24 voxels a side."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import SimpleITK as sitk
import torch

from nnunetv2_mosmos.settings import settings_of

MODELS = [
    ("nnUNetTrainerMOSMOS_smoke", "2d"),
    ("nnUNetTrainerMOSMOS_smoke", "3d_fullres"),
    ("nnUNetTrainerMOSMOS_UNETR_smoke", "3d_fullres"),
]

PREDICT = """
import sys
sys.modules["transformers"] = None
from nnunetv2.inference.predict_from_raw_data import predict_entry_point

source, *words = sys.argv[1:]
for trainer, configuration, target in zip(*[iter(words)] * 3):
    sys.argv = ["predict", "-d", "Dataset917_Tiny", "-tr", trainer, "-c", configuration, "-f", "0"]
    sys.argv += ["-i", source, "-o", target, "-device", "cpu", "-npp", "0", "-nps", "0"]
    predict_entry_point()
    assert "UNETR" in trainer or "monai" not in sys.modules
"""


@pytest.mark.parametrize("model", MODELS)
def test_nnunet_trains_and_validates(trained, model):
    folder = trained[model]
    summary = json.loads((folder / "fold_0" / "validation" / "summary.json").read_text())
    assert 0 <= summary["foreground_mean"]["Dice"] <= 1
    checkpoint = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)
    assert checkpoint["trainer_name"] == model[0]
    assert checkpoint["network_weights"]["tag_embeddings"].norm(dim=1).tolist() == pytest.approx([1.0] * 3)
    assert checkpoint["init_args"]["plans"]["mosmos"] == json.loads((folder / "plans.json").read_text())["mosmos"]


@pytest.mark.parametrize("model", MODELS)
def test_the_model_folder_says_what_it_needs_and_no_more(trained, model, unet_bundle, vit_bundle):
    bundle = vit_bundle if "UNETR" in model[0] else unet_bundle
    plans = (trained[model] / "plans.json").read_text()
    settings = settings_of(json.loads(plans))
    assert settings.maps.tags == ("liver", "spleen", "kidney_left")
    assert settings.bundle.sha256 == bundle.info.weights_sha256
    assert settings.label_tags == {"liver": "liver", "spleen": "spleen", "kidney_left": "kidney_left"}
    log = next((trained[model] / "fold_0").glob("training_log_*.txt")).read_text()
    # The folder that the bundle lay in is nobody's business.
    assert "passing" not in plans and "passing" not in log


def test_the_log_accounts_for_every_tensor(trained):
    log = next((trained[MODELS[1]] / "fold_0").glob("training_log_*.txt")).read_text()
    assert "using the attached bundle 'tiny-unet'" in log
    assert "Transferred into the encoder: 100 % of the parameters (18 copied, 6 inflated of 24 tensors)" in log
    assert "stages.2.0.convs.1.conv.weight  inflated" in log
    assert "auxiliary_map_loss" in log
    assert "Current learning rate of pretrained weights: 0.001000" in log


def test_the_datasets_own_plans_are_left_as_they_were(trained, nnunet_home):
    assert "mosmos" not in nnunet_home.plans()


def test_a_copied_model_folder_predicts_without_bundle_and_transformers(trained, nnunet_home, checkout, tmp_path):
    source = tmp_path / "images"
    source.mkdir()
    shutil.copy(nnunet_home.raw / "Dataset917_Tiny" / "imagesTr" / "case0_0000.nii.gz", source)
    words = [str(source)]
    for number, (name, configuration) in enumerate(MODELS):
        folder = trained[name, configuration]
        shutil.copytree(folder, tmp_path / "results" / folder.parent.name / folder.name)
        words += [name, configuration, str(tmp_path / f"out{number}")]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    environment |= {"nnUNet_results": str(tmp_path / "results")}
    # Prediction must not look for the dataset.
    environment |= {name: str(tmp_path / "nowhere") for name in ("nnUNet_raw", "nnUNet_preprocessed")}
    done = subprocess.run(
        [sys.executable, "-c", PREDICT, *words],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for number in range(len(MODELS)):
        prediction = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / f"out{number}" / "case0.nii.gz"))
        assert prediction.shape == (24, 24, 24)
        assert prediction.max() <= 3


def test_validation_alone_and_continuing_need_no_bundle(trained, train, threads):
    folder = trained[MODELS[0]] / "fold_0"
    summary = folder / "validation" / "summary.json"
    summary.unlink()
    with threads():
        train(MODELS[0][0], "2d", only_run_validation=True)
        assert summary.is_file()
        # As after an interruption: nnU-Net falls back to the best checkpoint.
        (folder / "checkpoint_final.pth").unlink()
        train(MODELS[0][0], "2d", continue_training=True)
    assert (folder / "checkpoint_final.pth").is_file()
