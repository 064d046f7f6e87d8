"""A folder that cannot be written to, in one sentence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from pretraining.errors import UserError

MIB = 2**20
INTACT = "what was saved before is intact"
GO_ON = "give the same command again, or move the folder to a larger disk and give it as --output"


def disk_error(folder: Path, problem: str, *, needed: int = 0, state: str = INTACT, then: str = GO_ON) -> UserError:
    """The error to raise.

    Args:
        folder: what cannot be written to; where it does not exist, its nearest parent says how much is free.
        problem: the system's words for what is wrong.
        needed: bytes that were to be written, where that is much.
        state: what of the work is done.
        then: what to do once it can be written to.
    """
    size = f"{needed / MIB:.1f} MiB are needed, " if needed else ""
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.exists(place))
    why = f"{problem}; {size}{shutil.disk_usage(there).free / MIB:.1f} MiB are free"
    return UserError(f"{folder} cannot be written to ({why}): {state}; make room or allow writing there, then {then}")


@contextmanager
def disk_problems_are_users(folder: Path, *, needed: int = 0, state: str = INTACT, then: str = GO_ON) -> Iterator[None]:
    """Turn an OSError in the block, which does nothing but write to `folder`, into `disk_error`."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        cause = _system_error(error)
        if cause is None:
            raise
        problem = getattr(cause, "strerror", None) or str(cause)
        raise disk_error(folder, problem, needed=needed, state=state, then=then) from error


def _system_error(error: BaseException | None) -> BaseException | None:
    """The error of the system behind an error: torch reports a failed write as a RuntimeError of its own."""
    while error is not None and not isinstance(error, OSError | SafetensorError):
        error = error.__context__
    return error
