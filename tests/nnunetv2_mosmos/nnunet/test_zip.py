"""A model exported to a zip file, installed where there is nothing else, predicts there."""

import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

TRAINER = "nnUNetTrainerMOSMOS_smoke"
# A prediction under spawn, with a process each for preprocessing and export.
INSTALL_AND_PREDICT = """
import multiprocessing
import sys

multiprocessing.set_start_method("spawn")
from nnunetv2.inference.predict_from_raw_data import predict_entry_point
from nnunetv2.model_sharing.entry_points import install_from_zip_entry_point

file, source, target = sys.argv[1:]
sys.argv = ["install", file]
install_from_zip_entry_point()
sys.argv = ["predict", "-d", "Dataset917_Tiny", "-tr", "nnUNetTrainerMOSMOS_smoke", "-c", "3d_fullres", "-f", "0"]
sys.argv += ["-i", source, "-o", target, "-device", "cpu", "-npp", "1", "-nps", "1"]
predict_entry_point()
"""


@pytest.fixture
def exported(results, command, tmp_path):
    from nnunetv2.model_sharing.entry_points import export_pretrained_model_entry

    file = tmp_path / "model.zip"
    command(export_pretrained_model_entry, "-d", "917", "-o", file, "-c", "3d_fullres", "-tr", TRAINER, "-f", "0")
    return file


@pytest.fixture
def empty_home(checkout, tmp_path):
    """The environment of a computer that has nothing: no dataset, no bundle, no transformers."""
    (tmp_path / "modules" / "transformers").mkdir(parents=True)
    refusal = "raise ModuleNotFoundError(\"No module named 'transformers'\", name='transformers')\n"
    (tmp_path / "modules" / "transformers" / "__init__.py").write_text(refusal)
    (tmp_path / "home" / "results").mkdir(parents=True)
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "modules"), str(checkout)])
    for name in ("raw", "preprocessed", "results"):
        environment[f"nnUNet_{name}"] = str(tmp_path / "home" / name)
    return environment


def test_the_zip_file_holds_the_settings_and_no_path(exported):
    with zipfile.ZipFile(exported) as file:
        plans = file.read(f"Dataset917_Tiny/{TRAINER}__nnUNetPlans__3d_fullres/plans.json").decode()
    assert json.loads(plans)["mosmos"]["maps"]["tags"] == ["liver", "spleen", "kidney_left"]
    assert json.loads(plans)["mosmos"]["bundle"]["name"] == "tiny-unet"
    assert os.sep + "tiny-unet" not in plans


def test_an_installed_zip_predicts_under_spawn_in_an_empty_home(exported, results, nnunet_home, empty_home, tmp_path):
    case = json.loads((nnunet_home.dataset / "splits_final.json").read_text())[0]["val"][0]
    (tmp_path / "in").mkdir()
    shutil.copy(nnunet_home.raw / "Dataset917_Tiny" / "imagesTr" / f"{case}_0000.nii.gz", tmp_path / "in")
    words = [str(path) for path in (exported, tmp_path / "in", tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", INSTALL_AND_PREDICT, *words],
        env=empty_home,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    validated = results / f"{TRAINER}__nnUNetPlans__3d_fullres" / "fold_0" / "validation" / f"{case}.nii.gz"
    prediction, expected = (
        sitk.GetArrayFromImage(sitk.ReadImage(file)) for file in (tmp_path / "out" / validated.name, validated)
    )
    np.testing.assert_array_equal(prediction, expected)
