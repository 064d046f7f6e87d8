"""What goes wrong in the processes that read images, said in the training process.

torch turns an exception of a worker into its traceback's text, and a worker that the system kills into a number. Here a
`UserError` stays one sentence, a defect keeps its own traceback and names the study, and a killed worker says what to
change.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from torch.utils.data import get_worker_info

from pretraining.errors import UserError

Batch = TypeVar("Batch")


class ReadingError(Exception):
    """A defect while an image was read in another process; the message holds its traceback there."""


@dataclass(frozen=True)
class Failure:
    """Stands for a sample that could not be read, on its way between processes.

    Attributes:
        study: what was read.
        text: the sentence of a user's mistake, or a traceback.
        is_mistake: whether it is a user's mistake.
    """

    study: str
    text: str
    is_mistake: bool

    def raise_it(self) -> None:
        """Raise what was caught.

        Raises:
            UserError: a user's mistake.
            ReadingError: anything else.
        """
        if self.is_mistake:
            raise UserError(self.text)
        raise ReadingError(f"study '{self.study}' could not be read:\n{self.text}")


def failure_of(error: Exception, study: str) -> Failure:
    """What to send to the training process instead of a sample. Without workers, the error itself goes on.

    Args:
        error: what was caught just now.
        study: what was read.
    """
    if get_worker_info() is None:
        raise error
    if isinstance(error, UserError):
        return Failure(study, str(error), is_mistake=True)
    return Failure(study, traceback.format_exc(), is_mistake=False)


def without_failures(batches: Iterable[Batch | Failure]) -> Iterator[Batch]:
    """The batches, up to the first failure, which is raised."""
    for batch in batches:
        if isinstance(batch, Failure):
            batch.raise_it()
        else:
            yield batch


SHARED_MEMORY_FULL = "shared memory is full: enlarge /dev/shm (in Docker: --shm-size), or give fewer --workers, or 0"

# The signal's name, as torch gives it, and what to do.
_DEATHS = {
    "Bus error": SHARED_MEMORY_FULL,
    "Killed": "most likely memory ran out: give fewer --workers or a smaller --batch-size or --image-size",
    "Segmentation fault": "a library crashed: give --workers 0 to see on which study, and prepare that study again",
}
_UNKNOWN = "give fewer --workers, or 0 to read in the training process; look at free memory and at /dev/shm"


@contextmanager
def say_worker_deaths() -> Iterator[None]:
    """Turns torch's error about a killed worker into a sentence. torch raises it wherever training stands then.

    Raises:
        UserError: a worker was killed.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker (pid"):
            raise
        # While torch waits for a batch, the error with the signal's name is the cause of one without.
        text = f"{error} {error.__cause__}"
        death = next((name for name in _DEATHS if name in text), "it ended without a word")
        raise UserError(
            f"a process that reads images was ended from outside ({death}); {_DEATHS.get(death, _UNKNOWN)}; the same "
            "command goes on from the last checkpoint"
        ) from error
