from itertools import islice

import pytest

from pretraining.training.order import StudyOrder


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
