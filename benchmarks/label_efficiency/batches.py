"""Batches that are augmented once for all arms.

Arms of a comparison see the same patches in the same order. The first cell of a number of cases and a finetuning seed
keeps what nnU-Net's loaders gave it, the others train on that: augmentation is a fifth of a small network's step in 2d.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from pretraining.studies.atomic import atomic_path

Batch = dict[str, Any]


@contextmanager
def shared_batches(trainer: nnUNetTrainer, file: Path) -> Iterator[None]:
    """Inside, a trainer's loaders give a file's batches; where there is none yet, it is written at the end.

    Args:
        trainer: not yet in training; trains as many steps as those that share the file.
        file: some 0.2 GB for 3,000 steps of four patches of 48 x 48.
    """
    original = trainer.get_dataloaders
    if file.is_file():
        kept = torch.load(file, mmap=True)

        def replay() -> tuple[Iterator[Batch], ...]:
            # nnU-Net decides here along which axes prediction mirrors, too.
            original()
            return tuple(_split(batches) for batches in kept)

        trainer.get_dataloaders = replay
        yield
        return
    loaders: list[_Recorder] = []

    def record() -> tuple[_Recorder, ...]:
        loaders.extend(_Recorder(loader) for loader in original())
        return tuple(loaders)

    trainer.get_dataloaders = record
    yield
    with atomic_path(file) as temporary:
        torch.save([_join(loader.batches) for loader in loaders], temporary)


class _Recorder:
    """A loader that keeps what it gives."""

    def __init__(self, loader: Iterator[Batch]) -> None:
        self._loader = loader
        self.batches: list[Batch] = []

    def __next__(self) -> Batch:
        batch = next(self._loader)
        self.batches.append(batch)
        return batch


def _join(batches: list[Batch]) -> Batch:
    """Images `(S, B, C, *P)` and labels `(S, B, 1, *P)`, of each scale with deep supervision."""
    data, targets = ([batch[name] for batch in batches] for name in ("data", "target"))
    if isinstance(targets[0], list):
        return {"data": torch.stack(data), "target": [torch.stack(scale) for scale in zip(*targets, strict=True)]}
    return {"data": torch.stack(data), "target": torch.stack(targets)}


def _split(joined: Batch) -> Iterator[Batch]:
    data, target = joined["data"], joined["target"]
    for step in range(len(data)):
        labels = [scale[step] for scale in target] if isinstance(target, list) else target[step]
        yield {"data": data[step], "target": labels}
