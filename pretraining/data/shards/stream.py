"""Images that stream from shards instead of lying in a prepared folder."""

from __future__ import annotations

import json
import logging
import random
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler, get_worker_info

from pretraining.data.batches import Batch, Sample, StudyImages, collate_read
from pretraining.data.corpus import Pair
from pretraining.data.order import StudyOrder
from pretraining.data.reading import Failure, failure_of
from pretraining.data.shards.index import ShardIndex
from pretraining.errors import UserError
from pretraining.image.fit import View
from pretraining.image.normalization import Normalization
from pretraining.stopping import leave_stopping_to_the_parent
from pretraining.studies.arrays import SUFFIX, decode_array

LOG = logging.getLogger(__name__)

SHUFFLED = 64
"""Images, as stored, that wait in memory to be mixed, a worker."""

Stored = tuple[int, int, bytes]
"""Epoch, the pair's index, the array's file."""


class ShardedImages(StudyImages):
    """The images of pairs, out of shards.

    Args:
        index: where they are.
        pairs: the studies of one split.
        size: the input's shape.
        channels: channels of the input.
        normalization: how intensities become input.
        seed: see `StudyImages`.
        view: see `StudyImages`.
        augment: see `StudyImages`.

    Raises:
        UserError: webdataset is not installed, or a shard is missing.
    """

    def __init__(
        self,
        index: ShardIndex,
        pairs: Sequence[Pair],
        size: tuple[int, ...],
        channels: int,
        normalization: Normalization,
        seed: int | None,
        view: View | None = None,
        augment: bool = True,
    ) -> None:
        super().__init__(pairs, size, channels, normalization, seed, view, augment=augment)
        try:
            import webdataset  # noqa: F401
        except ImportError as error:
            raise UserError(
                f"{index.folder} holds shards, which the package webdataset reads: pip install "
                "'nnunetv2-mosmos[webdataset]'"
            ) from error
        self.shards = index.locations(pairs[0].split) if pairs else []
        self.numbers = {
            (pair.study, pair.image.relative_to(index.folder).as_posix()): number for number, pair in enumerate(pairs)
        }

    def batches(self, order: Sampler[Any] | Sequence[list[tuple[int, int]]], workers: int) -> Iterable[Batch | Failure]:
        """A `StudyOrder` gives an endless stream, of which it decides batch sizes, seed and start; a list, its studies.

        Raises:
            UserError: more workers than shards.
        """
        if not isinstance(order, StudyOrder):
            chosen = {index for batch in order for _, index in batch}
            stored = (one for one in self.stored(self.shards, 0) if one[1] in chosen)
            return in_batches(map(self.read, stored), map(len, order))
        LOG.warning("images stream from shards: a resumed run goes on at about the same place, not bit-identically")
        processes = order.processes
        if len(self.shards) < processes.count * max(workers, 1):
            raise UserError(
                f"{len(self.shards)} training shard(s) cannot be split among {processes.count} process(es) with "
                f"{workers} worker(s) each: give fewer --workers, or write smaller shards with `mosmos_pretrain shard "
                "--studies-per-shard`"
            )
        return DataLoader(
            ShardStream(self, order),
            batch_size=None,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=leave_stopping_to_the_parent,
            # A loader seeds its workers from the global generator otherwise, which would disturb the run.
            generator=torch.Generator(),
        )

    def stored(self, shards: Iterable[str], epoch: int) -> Iterator[Stored]:
        """What shards hold, from front to back.

        Raises:
            UserError: a shard cannot be read.
        """
        from webdataset.tariterators import tarfile_samples

        for shard in shards:
            try:
                for sample in tarfile_samples([{"url": shard}]):
                    study = json.loads(sample["json"])
                    number = self.numbers.get((study["id"], study["image"]))
                    # A study without a report is in the shard, but not among the pairs.
                    if number is not None:
                        yield epoch, number, sample[SUFFIX.removeprefix(".")]
            except (OSError, ValueError, KeyError, tarfile.TarError) as error:
                raise UserError(
                    f"the shard {shard} cannot be read ({type(error).__name__}): copy it again, or write it again with "
                    "`mosmos_pretrain shard`"
                ) from error

    def read(self, stored: Stored) -> Sample | Failure:
        """A stored image as the network gets it, with its pair."""
        epoch, number, content = stored
        pair = self.pairs[number]
        try:
            return self.prepare(decode_array(content, pair.study), epoch, number), pair
        except Exception as error:  # noqa: BLE001 - raised in the training process
            return failure_of(error, pair.study)


class ShardStream(IterableDataset[Batch | Failure]):
    """Batches without end. What a worker reads in an epoch, and in which order, depends on seed and epoch alone.

    Args:
        images: what is read.
        order: batch sizes, seed, start, and which of the training processes this is.
    """

    def __init__(self, images: ShardedImages, order: StudyOrder) -> None:
        self.images = images
        self.order = order

    def __iter__(self) -> Iterator[Batch | Failure]:
        worker = get_worker_info()
        workers, number = (worker.num_workers, worker.id) if worker else (1, 0)
        processes = self.order.processes
        part, parts = processes.rank * workers + number, processes.count * workers
        first, done = divmod(self.order.first_step, self.order.steps_per_epoch)
        epochs = (
            self._epoch(epoch, part, parts, done / self.order.steps_per_epoch if epoch == first else 0.0)
            for epoch in count(first)
        )
        try:
            # Workers take turns, so that each makes every so manieth batch.
            sizes = islice(map(len, self.order), number, None, workers)
            yield from in_batches(map(self.images.read, chain.from_iterable(epochs)), sizes)
        except UserError as error:
            yield failure_of(error, "")

    def _epoch(self, epoch: int, part: int, parts: int, done: float) -> Iterator[Stored]:
        """One worker's share of an epoch, without what was done of it."""
        from webdataset.filters import shuffle

        order = np.random.default_rng((self.order.seed, epoch)).permutation(len(self.images.shards))
        own = [self.images.shards[number] for number in order[part::parts]]
        stored = self.images.stored(own[int(done * len(own)) :], epoch)
        mixing = random.Random(f"{self.order.seed} {epoch} {part}")
        mixed: Iterator[Stored] = shuffle(SHUFFLED, initial=SHUFFLED, rng=mixing)(stored)
        return mixed


def in_batches(samples: Iterator[Sample | Failure], sizes: Iterable[int]) -> Iterator[Batch | Failure]:
    """Batches of samples, as many as `sizes`; the last may be smaller."""
    for size in sizes:
        if chosen := list(islice(samples, size)):
            yield collate_read(chosen)
