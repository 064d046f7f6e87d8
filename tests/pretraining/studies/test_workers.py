from __future__ import annotations

import os

from pretraining.studies.workers import run_tasks


def double_or_die(number: int) -> int:
    if number == 3:
        os._exit(11)
    return 2 * number


def double(number: int) -> int:
    return 2 * number


def test_one_worker_runs_in_this_process():
    assert list(run_tasks(lambda number: (number, os.getpid()), [1, 2], 1, lambda _: None)) == [
        (1, os.getpid()),
        (2, os.getpid()),
    ]


def test_a_task_that_kills_its_process_costs_only_itself():
    results = sorted(run_tasks(double_or_die, list(range(8)), 2, crashed=lambda number: -number))
    assert results == sorted([0, 2, 4, -3, 8, 10, 12, 14])
