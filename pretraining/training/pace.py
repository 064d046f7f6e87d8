"""How fast a run is, and how long it waits for its data."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from pretraining.data.batches import Batch


class Pace:
    """Counts studies and seconds since the last `restart`."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Count from zero."""
        self.studies = 0
        self.waited = 0.0
        self.started = perf_counter()

    def timed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; what it takes to get each counts as waiting."""
        while True:
            asked = perf_counter()
            batch = next(batches)
            self.waited += perf_counter() - asked
            self.studies += len(batch.studies)
            yield batch

    @property
    def throughput(self) -> float:
        """Studies a second."""
        return self.studies / self._seconds

    @property
    def wait(self) -> float:
        """Share of the time, 0 to 1, in which nothing was done but waiting for the next batch."""
        return self.waited / self._seconds

    @property
    def _seconds(self) -> float:
        return max(perf_counter() - self.started, 1e-9)
