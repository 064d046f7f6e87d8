"""Which studies each step trains on: a function of the seed and the step alone, so that any step can be resumed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from pretraining.errors import UserError
from pretraining.processes import Processes


def share_of(studies: NDArray[np.int64], micro_batch_size: int, processes: Processes) -> list[NDArray[np.int64]]:
    """A process's share of the studies of a step, in micro-batches; none where there are fewer studies than processes.

    Args:
        studies: their indices.
        micro_batch_size: studies that are embedded at once.
        processes: who shares them.
    """
    share = np.array_split(studies, processes.count)[processes.rank]
    return [share[start : start + micro_batch_size] for start in range(0, len(share), micro_batch_size)]


def shares_in_order(
    studies: int, batch_size: int, micro_batch_size: int, processes: Processes
) -> list[list[list[tuple[int, int]]]]:
    """Steps over all studies once, in their order, for validation: of each, a process's share in micro-batches.

    Args:
        studies: how many there are.
        batch_size: studies a step, over all processes.
        micro_batch_size: see `share_of`.
        processes: see `share_of`.
    """
    steps = [np.arange(start, min(start + batch_size, studies)) for start in range(0, studies, batch_size)]
    return [
        [[(0, int(index)) for index in part] for part in share_of(step, micro_batch_size, processes)] for step in steps
    ]


class StudyOrder(Sampler[list[tuple[int, int]]]):
    """Micro-batches of `(epoch, index)`, without end: those of this process's share of each step.

    Every epoch is a permutation of all studies; the last step of an epoch is smaller where the sizes do not divide.

    Args:
        studies: how many there are.
        batch_size: studies a step, over all processes.
        seed: fixes the permutations.
        first_step: where to start; step s yields the same studies whether or not the run was interrupted.
        micro_batch_size: studies that are embedded at once; a process's whole share when omitted.
        processes: who trains together.

    Raises:
        UserError: a step would have fewer studies than processes.
    """

    def __init__(
        self,
        studies: int,
        batch_size: int,
        seed: int,
        first_step: int = 0,
        micro_batch_size: int | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.studies = studies
        self.batch_size = min(batch_size, studies)
        self.seed = seed
        self.first_step = first_step
        self.micro_batch_size = micro_batch_size or self.batch_size
        self.processes = processes or Processes()
        smallest = studies % self.batch_size or self.batch_size
        if smallest < self.processes.count:
            raise UserError(
                f"an epoch of {studies} studies in steps of --batch-size {self.batch_size} ends with a step of "
                f"{smallest}, fewer than the {self.processes.count} processes; choose another --batch-size or fewer "
                "processes"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches an epoch."""
        return -(-self.studies // self.batch_size)

    def parts_of(self, step: int) -> int:
        """How many micro-batches this process has of a step."""
        return len(share_of(np.arange(self._size(step)), self.micro_batch_size, self.processes))

    def _size(self, step: int) -> int:
        position = step % self.steps_per_epoch
        return min(self.batch_size, self.studies - position * self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch, first = divmod(self.first_step, self.steps_per_epoch)
        while True:
            order = np.random.default_rng((self.seed, epoch)).permutation(self.studies)
            for step in range(first, self.steps_per_epoch):
                chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
                for part in share_of(chosen, self.micro_batch_size, self.processes):
                    yield [(epoch, int(index)) for index in part]
            epoch, first = epoch + 1, 0
