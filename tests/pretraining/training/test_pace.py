from types import SimpleNamespace

from pretraining.training import pace
from pretraining.training.pace import Pace


def test_waiting_is_what_the_next_batch_takes(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(pace, "perf_counter", lambda: clock[0])

    def slow():
        while True:
            clock[0] += 1
            yield SimpleNamespace(studies=("a", "b"))

    counted = Pace()
    batches = counted.timed(slow())
    for _ in range(5):
        next(batches)
        clock[0] += 3
    assert (counted.throughput, counted.wait) == (10 / 20, 5 / 20)
    counted.restart()
    next(batches)
    clock[0] += 1
    assert (counted.throughput, counted.wait) == (2 / 2, 1 / 2)
