from types import SimpleNamespace

import pytest
import torch

from benchmarks import alternating_blocks
from benchmarks.alternating_blocks import Cost, alternate, describe

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the actions move: on the wall three times as fast as in the processor."""
    clock = SimpleNamespace(now=0.0)
    fake = SimpleNamespace(perf_counter=lambda: 3 * clock.now, process_time=lambda: clock.now)
    monkeypatch.setattr(alternating_blocks, "time", fake)
    return clock


def test_blocks_alternate_and_a_drifting_machine_does_not_touch_the_ratio(clock):
    order = []

    def action(arm, cost):
        def run():
            order.append(arm)
            # Slower and slower: 1 % a step.
            clock.now += cost * 1.01 ** len(order)

        return run

    pairs = alternate(action("plain", 1.0), action("mosmos", 1.2), seconds=200, block_seconds=7, device=CPU)
    warm_up, timed = order[:3], order[3:]
    assert warm_up == ["plain", "mosmos", "plain"]
    assert timed[:8] == ["plain"] * 2 + ["mosmos"] * 4 + ["plain"] * 2
    assert len(timed) == 2 * 2 * len(pairs)
    assert len(pairs) >= 4
    for found in (describe(pairs)["ratio_quartiles"], describe(pairs)["processor_ratio_quartiles"]):
        assert found[0] < 1.2 < found[2]
        assert found[1] == pytest.approx(1.2, abs=0.001)


def test_four_blocks_always_run(clock):
    def step():
        clock.now += 1

    assert alternate(step, step, seconds=0, block_seconds=0, device=CPU) == [(Cost(3, 1), Cost(3, 1))] * 2
