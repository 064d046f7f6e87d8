"""nnU-Net's worker pools as threads: each of its processes imports for seconds, and a cell computes for a minute."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from typing import Any
from unittest import mock


class _ThreadContext:
    """A start method whose pools are threads."""

    Pool = ThreadPool

    def __init__(self, context: Any) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


@contextmanager
def threads_for_processes() -> Iterator[None]:
    """Inside, pools of `multiprocessing.get_context(...)` are threads."""
    real = multiprocessing.get_context
    with mock.patch.object(multiprocessing, "get_context", lambda method=None: _ThreadContext(real(method))):
        yield
