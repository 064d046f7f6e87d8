"""Whether nnU-Net's commands find our trainers."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path

from nnunetv2_mosmos.discovery import EXTERNAL_TRAINERS, TRAINER_NAMES
from nnunetv2_mosmos.doctor.finding import Finding
from nnunetv2_mosmos.doctor.libraries import import_failure

TRAINER_MODULE = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
EXTERNAL_VARIABLE = "nnUNet_extTrainer"


def check_trainers() -> list[Finding]:
    """Ask as nnU-Net asks, and look at the commands and the variable that could lead it elsewhere."""
    return [*check_discovery(), *check_external_folders(os.environ.get(EXTERNAL_VARIABLE, "")), *check_command()]


def check_discovery() -> list[Finding]:
    """Ask nnU-Net's trainer module for our trainers."""
    failure = import_failure(TRAINER_MODULE) or import_failure("nnunetv2_mosmos.trainers")
    if failure is not None:
        return [
            Finding(
                "problem",
                "trainers",
                f"cannot be imported ({failure})",
                "mend the library that this names; the findings on versions may say how",
            )
        ]
    module = importlib.import_module(TRAINER_MODULE)
    if all(hasattr(module, name) for name in TRAINER_NAMES):
        return [Finding("ok", "trainers", f"nnU-Net finds all {len(TRAINER_NAMES)} without an environment variable")]
    if EXTERNAL_TRAINERS in _folders(os.environ.get(EXTERNAL_VARIABLE, "")):
        return [Finding("ok", "trainers", f"nnU-Net finds them through {EXTERNAL_VARIABLE}")]
    return [
        Finding(
            "problem",
            "trainers",
            f"nnU-Net does not find them: Python ran no start-up file zz_nnunetv2_mosmos.pth of {sys.prefix}",
            "install the package again with pip, in the environment of nnU-Net; where it must stay on PYTHONPATH, "
            f"export {EXTERNAL_VARIABLE}={EXTERNAL_TRAINERS}",
        )
    ]


def check_external_folders(value: str) -> list[Finding]:
    """The folder of the trainers themselves must not be searched: nnU-Net forgets what it imported from there.

    Args:
        value: of the environment variable `nnUNet_extTrainer`.
    """
    package = EXTERNAL_TRAINERS.parents[1]
    return [
        Finding(
            "problem",
            EXTERNAL_VARIABLE,
            f"names {folder}, from where trainers cannot be sent to spawned workers",
            f"unset it, or export {EXTERNAL_VARIABLE}={EXTERNAL_TRAINERS}",
        )
        for folder in _folders(value)
        if folder != EXTERNAL_TRAINERS and (folder == package or package in folder.parents)
    ]


def check_command() -> list[Finding]:
    """`nnUNetv2_train` on the path must belong to the Python that has our trainers."""
    command = shutil.which("nnUNetv2_train")
    here = Path(sys.executable).parent
    if command is None:
        return [
            Finding("warning", "commands", "nnUNetv2_train is not on the path", f"activate the environment of {here}")
        ]
    if Path(command).parent.resolve() != here.resolve():
        return [
            Finding(
                "warning",
                "commands",
                f"nnUNetv2_train is {command}, of another environment than this one ({here})",
                "activate the environment that MOSMOS is installed in, or install MOSMOS into the other",
            )
        ]
    return []


def _folders(value: str) -> list[Path]:
    return [Path(entry.strip()).resolve() for entry in value.split(os.pathsep) if entry.strip()]
