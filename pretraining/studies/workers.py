"""A pool of processes that outlives a task that kills its process."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

# Tasks handed to the pool ahead of time, a worker: enough to keep it busy, few enough to stop soon.
_AHEAD = 4


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int, crashed: Callable[[Task], Result]
) -> Iterator[Result]:
    """Run a function over tasks, results in the order in which they are ready.

    Args:
        function: a module-level function, so that it can be sent to a process.
        tasks: its arguments.
        workers: processes; 1 or fewer runs everything in this process.
        crashed: makes the result of a task whose process died (a corrupt file that crashes a decoder, too little
            memory).
    """
    if workers <= 1:
        yield from map(function, tasks)
        return
    waiting = list(reversed(tasks))
    while waiting:
        suspects: list[Task] = []
        yield from _run_until_broken(function, waiting, suspects, workers)
        # Whoever was under way when a process died may have done it: each gets a process of its own.
        for task in suspects:
            yield _run_alone(function, task, crashed)


def end_with_parent() -> None:
    """In a worker: end when the parent ends. After a kill of the parent, workers would wait for tasks for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _run_until_broken(
    function: Callable[[Task], Result], waiting: list[Task], suspects: list[Task], workers: int
) -> Iterator[Result]:
    """Take tasks from the end of `waiting`; when the pool breaks, leave those under way in `suspects`."""
    running: dict[Future[Result], Task] = {}
    # Not fork: SimpleITK and blosc2 keep threads, which a forked child would wait for.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(waiting)), mp_context=context, initializer=end_with_parent) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * workers:
                    task = waiting.pop()
                    suspects.append(task)
                    running[pool.submit(function, task)] = task
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    suspects.remove(running.pop(future))
                    yield result
        except BrokenProcessPool:
            pass
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _run_alone(function: Callable[[Task], Result], task: Task, crashed: Callable[[Task], Result]) -> Result:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=end_with_parent) as pool:
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return crashed(task)
