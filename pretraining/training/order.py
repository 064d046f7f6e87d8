"""Which studies each step trains on: a function of the seed and the step alone, so that any step can be resumed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class StudyOrder(Sampler[list[tuple[int, int]]]):
    """Batches of `(epoch, index)`, without end.

    Every epoch is a permutation of all studies; the last batch of an epoch is smaller where the sizes do not divide.

    Args:
        studies: how many there are.
        batch_size: studies a batch.
        seed: fixes the permutations.
        first_step: where to start; step s yields the same batch whether or not the run was interrupted.
    """

    def __init__(self, studies: int, batch_size: int, seed: int, first_step: int = 0) -> None:
        self.studies = studies
        self.batch_size = batch_size
        self.seed = seed
        self.first_step = first_step

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-self.studies // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, first = divmod(self.first_step, self.steps_per_epoch)
        while True:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.studies)
            for step in range(first, self.steps_per_epoch):
                chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
                yield [(epoch, int(index)) for index in chosen]
            epoch, first = epoch + 1, 0
