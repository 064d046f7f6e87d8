"""The only module of the folder that `nnUNet_extTrainer` may name: it passes nnU-Net's question on to `find_trainer`.

The classes keep the module they are defined in, so that spawned workers can import them.
"""

from typing import Any

from nnunetv2_mosmos.discovery import find_trainer


def __getattr__(name: str) -> Any:
    """The trainer class of that name, as nnU-Net asks for it with `hasattr` and `getattr`."""
    trainer = find_trainer(name)
    if trainer is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return trainer
