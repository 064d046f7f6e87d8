"""Work on one item while others are read and written."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")
Worked = TypeVar("Worked")
Written = TypeVar("Written")


def overlapped(
    read: Callable[[Item], Read],
    work: Callable[[Read], Worked],
    write: Callable[[Worked], Written],
    items: Iterable[Item],
    workers: int,
) -> Generator[Written, None, None]:
    """Give `write(work(read(item)))` of every item, in their order.

    Args:
        read: runs in a thread.
        work: runs in this one, one item after another.
        write: runs in a thread.
        items: taken when they are needed.
        workers: threads; so many items are read ahead, and at most as many wait to be written. 0 does all in this
            thread, one item after another.

    Raises:
        Exception: whatever a step raised; what has not been given is given up then.
    """
    if workers == 0:
        yield from map(write, map(work, map(read, items)))
        return
    pool = ThreadPoolExecutor(workers)
    reading: deque[Future[Read]] = deque()
    writing: deque[Future[Written]] = deque()
    unread = iter(items)
    try:
        while True:
            reading.extend(pool.submit(read, item) for item in islice(unread, workers + 1 - len(reading)))
            if not reading:
                break
            # The next one is read while this one is worked on.
            writing.append(pool.submit(write, work(reading.popleft().result())))
            # What is written is given at once: an interruption loses what has not been given.
            while writing and (len(writing) > workers or writing[0].done()):
                yield writing.popleft().result()
        while writing:
            yield writing.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
