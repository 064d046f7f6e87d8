"""How nnU-Net's commands find the MOSMOS trainers, which live outside nnU-Net.

nnU-Net resolves a trainer by its bare name and knows no entry points. After an ordinary `pip install` the files of
`startup/`, copied beside the packages, answer for our names (see `startup/zz_nnunetv2_mosmos.py`). Where Python does
not read such files (`pip install --target`, `PYTHONPATH`), `EXTERNAL_TRAINERS` serves as nnU-Net's `nnUNet_extTrainer`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from nnunetv2_mosmos.discovery.names import TRAINER_NAMES

if TYPE_CHECKING:
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

__all__ = ["EXTERNAL_TRAINERS", "TRAINER_NAMES", "find_trainer"]

# The value for the environment variable `nnUNet_extTrainer`. It must not be the folder of the classes themselves:
# nnU-Net forgets every module that it imported from there, and classes without a module cannot be sent to spawned
# workers.
EXTERNAL_TRAINERS = Path(__file__).parent / "external_trainers"


def find_trainer(name: str) -> type[nnUNetTrainer] | None:
    """The trainer class that nnU-Net's `-tr NAME` means, imported now.

    Args:
        name: a bare class name.

    Returns:
        The class, or None when no trainer of ours has that name; then nothing is imported.
    """
    if name not in TRAINER_NAMES:
        return None
    return getattr(importlib.import_module("nnunetv2_mosmos.trainers"), name)
