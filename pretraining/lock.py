"""Keeps two processes out of one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pretraining.disk import GO_ON, disk_problems_are_users
from pretraining.errors import UserError

LOCK = ".lock"


@contextmanager
def locked(folder: Path, busy: str, *, seconds: float = 0.0, then: str = GO_ON) -> Iterator[None]:
    """Hold a folder's lock inside the block; the system frees that of a process that ends, in whatever way.

    Args:
        folder: exists.
        busy: what to tell the user where another process holds it.
        seconds: how long to wait for it.
        then: what to do once the folder can be written to, see `disk_error`.

    Raises:
        UserError: another process holds it, or the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK)
    with disk_problems_are_users(folder, then=then):
        try:
            lock.acquire(timeout=seconds)
        except Timeout as error:
            raise UserError(busy) from error
    try:
        yield
    finally:
        lock.release()
