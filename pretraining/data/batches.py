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

from pretraining.data.augmentation import Augmentation
from pretraining.data.corpus import Pair
from pretraining.data.reading import SHARED_MEMORY_FULL, Failure, failure_of, without_failures
from pretraining.errors import UserError
from pretraining.image.crops import crop_starts, cut, resample
from pretraining.image.fit import Crops, View, apply_fit, shape_at
from pretraining.image.normalization import Normalization
from pretraining.stopping import leave_stopping_to_the_parent
from pretraining.studies.arrays import StoredArray

Sample = tuple[Tensor, Pair]


@dataclass(frozen=True)
class Batch:
    """Studies of one step.

    Attributes:
        images: `(B, C, *size)`, or `(B, V, C, *size)` for V crops a study.
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

    def labels(self) -> dict[str, Tensor]:
        """What the losses compare features with: `reports`, `targets`, `sentences`, `sentence_tags`."""
        return {name: getattr(self, name) for name in ("reports", "targets", "sentences", "sentence_tags")}

    def to(self, device: torch.device) -> Batch:
        """The same with what the network computes with on a device; text numbers are looked up and stay."""
        names = ("images", "targets", "sentence_rows", "sentence_tags")
        moved: dict[str, Any] = {name: getattr(self, name).to(device, non_blocking=True) for name in names}
        return replace(self, **moved)

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
    """Images of pairs, normalized, scaled or cut into the network's input and, for training, augmented.

    Args:
        pairs: the studies.
        size: the input's shape.
        channels: channels of the input.
        normalization: how intensities become input.
        seed: fixes the augmentation and the places of crops, together with epoch and study; None for no augmentation
            and crops on an even grid.
        view: how images enter the network; whole and with cubic voxels when omitted.
        whole: show whole images even to a network of crops.
        augment: whether a seed augments, too, and does not only place the crops.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        size: tuple[int, ...],
        channels: int,
        normalization: Normalization,
        seed: int | None,
        view: View | None = None,
        whole: bool = False,
        augment: bool = True,
    ) -> None:
        self.pairs = pairs
        self.size = size
        self.channels = channels
        self.normalization = normalization
        self.seed = seed
        self.view = view or View(size, (1,) * len(size))
        self.crops = self.view.crops if self.view.cuts and not whole else None
        self.augmentation = Augmentation(size) if augment and seed is not None else None

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Sample | Failure:
        epoch, index = key
        pair = self.pairs[index]
        try:
            return self.prepare(StoredArray(pair.image), epoch, index), pair
        except Exception as error:  # noqa: BLE001 - raised in the training process
            return failure_of(error, pair.study)

    def prepare(self, stored: StoredArray | NDArray[Any], epoch: int, index: int) -> Tensor:
        """A stored image as the network gets it.

        Args:
            stored: `(C, *S)`, as prepared.
            epoch: which one.
            index: the pair's.

        Returns:
            `(C, *size)` in fp32, or `(V, C, *size)` for V crops.

        Raises:
            UserError: dimension or channels are not those of the run, or nobody knows the size of a crop.
        """
        pair = self.pairs[index]
        if (len(stored.shape) - 1, stored.shape[0]) != (len(self.size), self.channels):
            raise UserError(
                f"study '{pair.study}' has an image of shape {stored.shape}, channels first, but this run reads "
                f"{self.channels} channel(s) in {len(self.size)}D; give the images' --dim, or prepare 2D and 3D "
                "studies, and different channel counts, into folders of their own"
            )
        if self.crops is None:
            image = self.normalization(stored[...])
            return self._augmented(apply_fit(image, self.view.fit(image.shape[1:], pair.spacing)), (epoch, index))
        crops = self._cut(stored, pair, self.crops, (epoch, index))
        return torch.stack([self._augmented(crop, (epoch, index, number)) for number, crop in enumerate(crops)])

    def _augmented(self, image: Tensor, key: tuple[int, ...]) -> Tensor:
        if self.augmentation is None or self.seed is None:
            return image
        return self.augmentation(image, (self.seed, *key))

    def _cut(self, stored: StoredArray | NDArray[Any], pair: Pair, crops: Crops, key: tuple[int, int]) -> list[Tensor]:
        if pair.spacing is None:
            raise UserError(
                f"study '{pair.study}' has no spacing, so that no crop of known size can be cut from it; prepare it "
                "from a file that has one, or leave out --crops"
            )
        shape = shape_at(stored.shape[1:], pair.spacing, crops.spacing)
        random = None if self.seed is None else np.random.default_rng((self.seed, *key))
        starts = crop_starts(shape, self.size, crops.count, random)
        mean = self.normalization.mean
        if shape == stored.shape[1:] and mean is not None:
            # Fixed numbers normalize, and nothing is resampled: no voxel but the crops' own is needed.
            cuts = [self.normalization(cut(stored, start, self.size, outside=mean)) for start in starts]
        else:
            image = resample(self.normalization(stored[...]), shape)
            cuts = [cut(image, start, self.size) for start in starts]
        return [torch.from_numpy(crop) for crop in cuts]

    def batches(self, order: Sampler[Any] | Sequence[list[tuple[int, int]]], workers: int) -> Iterable[Batch | Failure]:
        """Reads batches in an order, or what went wrong; see `loader`."""
        return DataLoader(
            self,
            batch_sampler=order,
            num_workers=workers,
            collate_fn=collate_read,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=leave_stopping_to_the_parent,
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
