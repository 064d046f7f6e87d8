"""Checkpoints: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pretraining.errors import UserError

LATEST, PREVIOUS, BEST = "checkpoint_latest.pt", "checkpoint_previous.pt", "checkpoint_best.pt"


def random_state() -> dict[str, Any]:
    """The state of every generator that training draws from, as types that `weights_only` loading takes."""
    # Libraries still draw from NumPy's global generator.
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002
    version, internal, gauss = random.getstate()
    return {
        "torch": torch.random.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "python": [version, list(internal), gauss],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Bring back what `random_state` gave."""
    torch.random.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint so that whoever looks finds the old one or the new one, never a part.

    Args:
        path: where.
        state: tensors and plain types.
    """
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def keep_previous(folder: Path) -> None:
    """Before a new latest checkpoint, keep the present one as the previous."""
    latest = folder / LATEST
    if latest.exists():
        os.replace(latest, folder / PREVIOUS)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        UserError: it is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(f"the checkpoint {path} is damaged ({type(error).__name__})") from error
    except Exception as error:  # torch raises pickle's own errors for foreign files
        if "pickle" not in type(error).__module__ and "Unpickling" not in type(error).__name__:
            raise
        raise UserError(f"the checkpoint {path} is damaged or not one of ours ({type(error).__name__})") from error
    return state
