"""Compares the cost of two actions on a machine whose speed drifts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

WARM_UP = 1

Action = Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """What one step costs.

    Attributes:
        wall: seconds on the clock.
        processor: seconds of processor time of this process, all its threads.
    """

    wall: float
    processor: float


Pairs = list[tuple[Cost, Cost]]


def time_block(action: Action, steps: int, device: torch.device) -> Cost:
    """The mean cost of a step over a block."""
    synchronize(device)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(steps):
        action()
    synchronize(device)
    return Cost((time.perf_counter() - wall) / steps, (time.process_time() - processor) / steps)


def synchronize(device: torch.device) -> None:
    """Wait for the GPU, where there is one."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def alternate(plain: Action, mosmos: Action, seconds: float, block_seconds: float, device: torch.device) -> Pairs:
    """Run two actions in blocks of the order A B B A: neighboring blocks see the same machine.

    Args:
        plain: action A.
        mosmos: action B.
        seconds: no further four blocks start after that; four always run.
        block_seconds: a block takes as many steps as fit, and at least one.
        device: where they run.

    Returns:
        Neighboring blocks, plain first in each pair, whichever ran first.
    """
    for action in (plain, mosmos):
        time_block(action, WARM_UP, device)
    steps = max(1, math.floor(block_seconds / time_block(plain, 1, device).wall))
    pairs: Pairs = []
    end = time.perf_counter() + seconds
    while not pairs or time.perf_counter() < end:
        first, second, third, fourth = (time_block(action, steps, device) for action in (plain, mosmos, mosmos, plain))
        pairs += [(first, second), (fourth, third)]
    return pairs


def quartiles(values: Sequence[float]) -> list[float]:
    """First quartile, median, third quartile."""
    return [float(value) for value in np.percentile(values, (25, 50, 75))]


def ratio_quartiles(pairs: Pairs, clock: str) -> list[float]:
    """The quartiles of MOSMOS over plain."""
    return quartiles([getattr(mosmos, clock) / getattr(plain, clock) for plain, mosmos in pairs])


def describe(pairs: Pairs) -> dict[str, Any]:
    """What is recorded of alternating blocks."""
    plain, mosmos = zip(*pairs, strict=True)
    return {
        "seconds": {
            "plain": float(np.median([cost.wall for cost in plain])),
            "mosmos": float(np.median([cost.wall for cost in mosmos])),
        },
        "ratio_quartiles": ratio_quartiles(pairs, "wall"),
        "processor_ratio_quartiles": ratio_quartiles(pairs, "processor"),
        "pairs": [[[cost.wall, cost.processor] for cost in pair] for pair in pairs],
    }
