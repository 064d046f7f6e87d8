import threading
from contextlib import closing

import pytest

from nnunetv2_mosmos.selftraining.overlapped import overlapped


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_item_goes_through_all_steps_in_order(workers):
    worked_in = set()

    def work(item):
        worked_in.add(threading.current_thread())
        return item + "w"

    found = list(overlapped(lambda item: f"{item}r", work, lambda item: item + "!", range(20), workers))
    assert found == [f"{number}rw!" for number in range(20)]
    assert worked_in == {threading.current_thread()}


def test_items_are_read_and_written_while_another_is_worked_on():
    read, written = threading.Event(), threading.Event()

    def read_second(item):
        if item == 1:
            read.set()
        return item

    def work(item):
        # Item 1 is read while 0 is worked on, and 0 is written while 2 is.
        assert {0: read, 2: written}.get(item, read).wait(timeout=60)
        return item

    def write(item):
        if item == 0:
            written.set()
        return item

    assert list(overlapped(read_second, work, write, range(3), workers=2)) == [0, 1, 2]


def test_no_more_than_asked_for_is_read_ahead():
    read = []
    with closing(overlapped(read.append, lambda item: item, lambda item: item, range(100), workers=2)) as results:
        next(results)
    assert len(read) <= 6, "two ahead, two waiting to be written, and one in each hand"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("step", ["read", "work", "write"])
def test_what_a_step_raises_comes_in_its_turn(step, workers):
    def fail_at_5(name):
        def run(item):
            if name == step and item == 5:
                raise ValueError(name)
            return item

        return run

    results = overlapped(*(fail_at_5(name) for name in ("read", "work", "write")), range(50), workers)
    found = []
    with pytest.raises(ValueError, match=step):
        found.extend(results)
    assert found == list(range(len(found)))
    assert len(found) <= 5
