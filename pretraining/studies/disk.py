"""A folder of studies that cannot be written to, in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pretraining.errors import UserError

GOES_ON = "run the same command again, it goes on from there"


def disk_error(
    folder: Path, problem: str, state: str = "what was written stays valid", then: str = GOES_ON
) -> UserError:
    """The error to raise.

    Args:
        folder: what cannot be written to.
        problem: the system's word for what is wrong.
        state: what of the work is done.
        then: what to do once there is room.
    """
    free = shutil.disk_usage(folder).free / 2**20
    return UserError(f"{folder} cannot be written ({problem}; {free:.0f} MiB free): {state}; make room and {then}")


@contextmanager
def disk_problems_are_users(
    folder: Path, state: str = "what was written stays valid", then: str = GOES_ON
) -> Iterator[None]:
    """Turn an OSError in the block, which does nothing but write to `folder`, into `disk_error`."""
    try:
        yield
    except OSError as error:
        raise disk_error(folder, error.strerror or str(error), state, then) from error
