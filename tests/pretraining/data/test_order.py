from itertools import islice

import pytest

from pretraining.data.batches import in_order
from pretraining.data.order import StudyOrder, shares_in_order
from pretraining.errors import UserError
from pretraining.processes import Processes


@pytest.mark.parametrize("studies", [1, 7, 8])
def test_every_epoch_has_every_study_once_in_another_order(studies):
    order = StudyOrder(studies, 3, seed=0)
    epochs = [
        list(islice(iter(StudyOrder(studies, 3, 0, e * order.steps_per_epoch)), order.steps_per_epoch)) for e in (0, 1)
    ]
    for number, epoch in enumerate(epochs):
        assert sorted(index for batch in epoch for _, index in batch) == list(range(studies))
        assert {e for batch in epoch for e, _ in batch} == {number}
    assert studies == 1 or [[i for _, i in batch] for batch in epochs[0]] != [
        [i for _, i in batch] for batch in epochs[1]
    ]


def test_step_s_is_the_same_batch_whether_or_not_the_run_was_interrupted():
    whole = list(islice(iter(StudyOrder(10, 4, seed=3)), 9))
    for step in range(9):
        assert next(iter(StudyOrder(10, 4, seed=3, first_step=step))) == whole[step]


@pytest.mark.parametrize(("count", "micro"), [(1, 2), (2, 2), (3, 100)])
def test_processes_and_micro_batches_share_out_the_same_studies(count, micro):
    whole = list(islice(iter(StudyOrder(10, 4, seed=3)), 6))
    shared = [[] for _ in whole]
    for rank in range(count):
        order = StudyOrder(10, 4, 3, micro_batch_size=micro, processes=Processes(rank, count)) if count < 3 else None
        if order is None:
            with pytest.raises(UserError, match="ends with a step of 2, fewer than the 3 processes"):
                StudyOrder(10, 4, 3, processes=Processes(rank, count))
            return
        parts = iter(order)
        for step in range(len(whole)):
            mine = list(islice(parts, order.parts_of(step)))
            assert all(len(part) <= micro for part in mine)
            shared[step] += [study for part in mine for study in part]
    assert shared == whole


@pytest.mark.parametrize(("count", "micro"), [(1, 3), (2, 2), (3, 1)])
def test_processes_share_the_steps_of_validation_even_one_of_fewer_studies(count, micro):
    shares = [shares_in_order(10, 3, micro, Processes(rank, count)) for rank in range(count)]
    steps = [[study for step in same for part in step for study in part] for same in zip(*shares, strict=True)]
    assert steps == in_order(10, 3)
    assert all(len(part) <= micro for share in shares for step in share for part in step)
