"""A run folder that cannot be written to, in one sentence."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pretraining.errors import UserError

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MIB = 2**20


@contextmanager
def disk_problems_are_users(folder: Path, needed: int = 0) -> Iterator[None]:
    """Turn an OSError in the block, which does nothing but write to `folder`, into a `UserError`.

    Args:
        folder: the run's folder.
        needed: bytes that the block writes, where that is much.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = _system_error(error)
        if cause is None:
            raise
        if cause.errno not in FULL:
            raise UserError(
                f"{folder} cannot be written to ({cause.strerror or cause}); allow writing there, or give another "
                "--output"
            ) from error
        size = f"{needed / MIB:.1f} MiB are needed, " if needed else ""
        raise UserError(
            f"the disk of {folder} is full ({size}{shutil.disk_usage(folder).free / MIB:.1f} MiB are free, "
            f"{cause.strerror}) and what was saved before is intact; make room and give the same command again, or "
            "move the folder to a larger disk and give it as --output"
        ) from error


def _system_error(error: BaseException | None) -> OSError | None:
    """The OSError behind an error: torch reports a failed write as a RuntimeError of its own."""
    while error is not None and not isinstance(error, OSError):
        error = error.__context__
    return error
