"""From stored studies to batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from pretraining.errors import UserError
from pretraining.image.fit import apply_fit, fit_of
from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import read_array
from pretraining.training.augmentation import Augmentation
from pretraining.training.corpus import Pair
from pretraining.training.reading import SHARED_MEMORY_FULL, Failure, failure_of, without_failures

Sample = tuple[Tensor, Pair]


@dataclass(frozen=True)
class Batch:
    """Studies of one step.

    Attributes:
        images: `(B, C, *size)`.
        reports: `(B,)`, text numbers; equal for identical reports.
        targets: `(B, K)` in {1 present, 0 negative, -1 unknown}.
        sentences: `(N,)`, text numbers.
        sentence_rows: `(N,)`, row of the batch that each sentence belongs to.
        sentence_tags: `(N,)`, index of the tag that it speaks of.
        studies: ids, for messages.
    """

    images: Tensor
    reports: Tensor
    targets: Tensor
    sentences: Tensor
    sentence_rows: Tensor
    sentence_tags: Tensor
    studies: tuple[str, ...]

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        tensors = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "studies"}
        moved: dict[str, Tensor] = {name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()}
        return replace(self, **moved)  # type: ignore[arg-type]  # `studies` is not among them

    def share_memory(self) -> None:
        """Move the tensors to where other processes see them.

        Raises:
            RuntimeError: no room there.
        """
        for entry in fields(self):
            if entry.name != "studies":
                getattr(self, entry.name).share_memory_()

    def pin_memory(self) -> Batch:
        """The same in page-locked memory, which a GPU reads while it computes; the loader calls it."""
        return replace(self, images=self.images.pin_memory())


class StudyImages(Dataset[Sample | Failure]):
    """Images of pairs, normalized, scaled into the network's input and, for training, augmented.

    Args:
        pairs: the studies.
        size: the input's shape.
        channels: channels of the input.
        normalization: how intensities become input.
        seed: fixes the augmentation together with epoch and study; None for no augmentation.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        size: tuple[int, ...],
        channels: int,
        normalization: Normalization,
        seed: int | None,
    ) -> None:
        self.pairs = pairs
        self.size = size
        self.channels = channels
        self.normalization = normalization
        self.seed = seed
        self.augmentation = Augmentation(size) if seed is not None else None

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Sample | Failure:
        epoch, index = key
        pair = self.pairs[index]
        try:
            return self.prepare(read_array(pair.image), epoch, index), pair
        except Exception as error:  # noqa: BLE001 - raised in the training process
            return failure_of(error, pair.study)

    def prepare(self, stored: NDArray[Any], epoch: int, index: int) -> Tensor:
        """A stored image as the network gets it.

        Args:
            stored: `(C, *S)`, as prepared.
            epoch: which one.
            index: the pair's.

        Returns:
            `(C, *size)` in fp32.

        Raises:
            UserError: dimension or channels are not those of the run.
        """
        pair = self.pairs[index]
        if (stored.ndim - 1, stored.shape[0]) != (len(self.size), self.channels):
            raise UserError(
                f"study '{pair.study}' has an image of shape {stored.shape}, channels first, but this run reads "
                f"{self.channels} channel(s) in {len(self.size)}D; prepare 2D and 3D studies, and different channel "
                "counts, into folders of their own"
            )
        image = self.normalization(stored)
        fitted = apply_fit(image, fit_of(image.shape[1:], self.size, pair.spacing))
        if self.augmentation is not None and self.seed is not None:
            fitted = self.augmentation(fitted, (self.seed, epoch, index))
        return fitted

    def batches(self, order: Sampler[Any] | Sequence[list[tuple[int, int]]], workers: int) -> Iterable[Batch | Failure]:
        """Reads batches in an order, or what went wrong; see `loader`."""
        return DataLoader(
            self,
            batch_sampler=order,
            num_workers=workers,
            collate_fn=collate_read,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
            # A loader seeds its workers from the global generator otherwise, which would disturb a resumed run.
            generator=torch.Generator(),
        )


def collate_read(samples: Sequence[Sample | Failure]) -> Batch | Failure:
    """Join samples into a batch, or pass on the first that could not be read."""
    read: list[Sample] = []
    for sample in samples:
        if isinstance(sample, Failure):
            return sample
        read.append(sample)
    batch = collate(read)
    if get_worker_info() is not None:
        # torch would do it later, in a thread whose errors reach nobody: training would wait forever.
        try:
            batch.share_memory()
        except RuntimeError:
            return Failure(batch.studies[0], SHARED_MEMORY_FULL, is_mistake=True)
    return batch


def collate(samples: Sequence[Sample]) -> Batch:
    """Join samples into a batch."""
    pairs = [pair for _, pair in samples]
    spoken = [(row, tag, text) for row, pair in enumerate(pairs) for tag, text in pair.sentences]
    rows, tags, texts = (torch.tensor([entry[part] for entry in spoken], dtype=torch.long) for part in range(3))
    return Batch(
        images=torch.stack([image for image, _ in samples]),
        reports=torch.tensor([pair.report for pair in pairs]),
        targets=torch.from_numpy(np.stack([pair.targets for pair in pairs])),
        sentences=texts,
        sentence_rows=rows,
        sentence_tags=tags,
        studies=tuple(pair.study for pair in pairs),
    )


def loader(
    dataset: StudyImages, batches: Sampler[Any] | Sequence[list[tuple[int, int]]], workers: int
) -> Iterator[Batch]:
    """Reads batches, in `workers` processes or, with 0, in this one.

    Raises:
        UserError: a user's mistake in reading a study.
        ReadingError: a defect in reading a study in another process.
    """
    return without_failures(dataset.batches(batches, workers))


def in_order(studies: int, batch_size: int) -> list[list[tuple[int, int]]]:
    """Batches of all studies once, in their order: for validation."""
    return [
        [(0, index) for index in range(start, min(start + batch_size, studies))]
        for start in range(0, studies, batch_size)
    ]
