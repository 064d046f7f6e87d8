"""Signals that ask a run to end: it finishes its step, saves, and tells by its exit code."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

# SIGUSR1 is what Slurm's `--signal=USR1@120` sends before the time is up; Windows has none.
STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name))


class Stopped(Exception):  # noqa: N818  # not an error
    """Raised between two steps, where it is safe to stop, when a signal asked for it."""


class StopRequest:
    """While entered, notes the first stop signal; the second one ends the process at once.

    Python delivers signals to the main thread only: entered in another one, it notes nothing.
    """

    def __init__(self) -> None:
        self._signal: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._signal is not None:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self._signal = number

    @property
    def asked(self) -> bool:
        """Whether a signal asked to stop."""
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """What shells and schedulers read from a process that a signal ended: 130 after Ctrl-C, else 143."""
        return 128 + (signal.SIGINT if self._signal == signal.SIGINT else signal.SIGTERM)


def leave_stopping_to_the_parent(_: int) -> None:
    """For a loader's worker: schedulers and terminals signal every process, but the parent still needs its workers.

    SIGTERM still ends a worker when its parent sends it: at its exit Python does so to processes that are left, and
    then waits for them. Where nobody can tell who sent a signal (macOS), torch's own handler stays: it ends the worker.
    """
    for number in STOP_SIGNALS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):
        # Blocked, it stays pending until the thread takes it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_when_the_parent_asks, args=(os.getppid(),), daemon=True).start()


def _end_when_the_parent_asks(parent: int) -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)
