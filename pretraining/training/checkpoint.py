"""Checkpoints: written whole or not at all, read without unpickling code."""

from __future__ import annotations

import logging
import os
import random
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
from pretraining.studies.atomic import atomic_path

LOG = logging.getLogger(__name__)
LATEST, PREVIOUS, BEST = "checkpoint_latest.pt", "checkpoint_previous.pt", "checkpoint_best.pt"
UNFINISHED = "checkpoint_latest.unfinished"


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


def state_bytes(state: dict[str, Any]) -> int:
    """Bytes of all tensors in nested mappings and sequences, shared ones once: nearly the size of their file."""
    sizes: dict[int, int] = {}
    parts: list[Any] = [state]
    while parts:
        part = parts.pop()
        if isinstance(part, Tensor):
            sizes[part.data_ptr()] = part.nbytes
        elif isinstance(part, Mapping):
            parts.extend(part.values())
        elif isinstance(part, list | tuple):
            parts.extend(part)
    return sum(sizes.values())


def write_checkpoint(folder: Path, state: dict[str, Any], best: bool = False) -> None:
    """Write the latest checkpoint; the one before it becomes the previous.

    Whenever this is cut short, a whole checkpoint stays: the new one is on the disk before it gets its name, and
    between the two renames, when there is no latest, the previous is the one before.

    Args:
        folder: the run's folder.
        state: tensors and plain types.
        best: it is also the best so far.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    unfinished, latest = folder / UNFINISHED, folder / LATEST
    with disk_problems_are_users(folder, needed=state_bytes(state)):
        try:
            with unfinished.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            if best:
                _name_best(unfinished)
            if latest.exists():
                os.replace(latest, folder / PREVIOUS)
            os.replace(unfinished, latest)
            _sync(folder)
        finally:
            unfinished.unlink(missing_ok=True)


def _name_best(file: Path) -> None:
    """Let `BEST` be another name of a file that nobody changes any more; a copy where there are no hard links."""
    with atomic_path(file.with_name(BEST)) as temporary:
        try:
            os.link(file, temporary)
        except OSError:
            shutil.copyfile(file, temporary)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows has no such call."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_last_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The latest checkpoint, or the previous one where that is damaged; None where there is neither.

    A damaged latest is renamed, so that it does not take the place of the good previous one at the next save.

    Raises:
        UserError: there are checkpoints, but none can be read.
    """
    files = [folder / name for name in (LATEST, PREVIOUS) if (folder / name).exists()]
    for file in files:
        try:
            state = read_checkpoint(file)
        except UserError as error:
            LOG.warning("%s; trying the one before it", error)
            continue
        if file != files[0]:
            # Another process of the run may have been first.
            with disk_problems_are_users(folder), suppress(FileNotFoundError):
                os.replace(files[0], files[0].with_suffix(".damaged"))
        return state
    if files:
        raise UserError(f"no checkpoint in {folder} can be read; give another --output to start afresh")
    return None


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
