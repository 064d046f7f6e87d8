"""Where processes are spawned, as on macOS and Windows, everything that nnU-Net hands to them must be picklable."""

import json
import os
import subprocess
import sys

import pytest

TRAIN = """
import multiprocessing
import sys

multiprocessing.set_start_method("spawn")
from nnunetv2.run.run_training import run_training_entry

sys.argv = ["train", "917", "2d", "0", "-tr", sys.argv[1], "-device", "cpu"]
run_training_entry()
"""


@pytest.mark.slow
@pytest.mark.parametrize("trainer", ["nnUNetTrainerMOSMOS_smoke", "nnUNetTrainerMOSMOS_UNETR_smoke"])
def test_a_training_with_its_augmentation_and_export_processes(
    nnunet_home, empty_results, unet_bundle, vit_bundle, checkout, trainer
):
    bundle = vit_bundle if "UNETR" in trainer else unet_bundle
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, trainer],
        env={**environment, "MOSMOS_BUNDLE": str(bundle.path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    fold = empty_results / "Dataset917_Tiny" / f"{trainer}__nnUNetPlans__2d" / "fold_0"
    assert len(json.loads((fold / "validation" / "summary.json").read_text())["metric_per_case"]) == 2
