import json
from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.label_efficiency.cells import Pairs
from benchmarks.label_efficiency.design import CASES, QUICK, SPLITS, TEACHER_CASES
from benchmarks.label_efficiency.patients import case_names, fold_of, folds, labelled_job, pairs_job, teacher_fold
from pretraining.phantom.labelled import write_labelled
from pretraining.phantom.pairs import write_pairs
from pretraining.phantom.streams import Stream

TINY = replace(QUICK, pool=3, held_out=2, studies={2: 4, 3: 2})


@pytest.fixture
def drawn(monkeypatch):
    """The generator states that patients are drawn from, collected."""
    states = []
    draw = Stream.patient

    def patient(self, number, habits):
        states.append(str(self._sequence(0, number).generate_state(4)))
        return draw(self, number, habits)

    monkeypatch.setattr(Stream, "patient", patient)

    def collect(write, job):
        states.clear()
        write(job)
        assert states
        return set(states)

    return collect


def test_no_labelled_patient_is_in_any_pretraining_and_no_split_shares_labelled_patients(drawn, tmp_path):
    labelled = [drawn(write_labelled, labelled_job(tmp_path / name, TINY, name)) for name in SPLITS]
    seeds = {split.pretraining + place for split in SPLITS.values() for place in range(3)}
    pairs = [
        drawn(write_pairs, pairs_job(tmp_path / f"{seed}_{dim}", TINY, Pairs(dim, seed)))
        for seed in seeds
        for dim in (2, 3)
    ]
    assert all(len(patients) == TINY.pool + TINY.held_out for patients in labelled)
    assert len(set.union(*labelled)) == sum(map(len, labelled))
    assert not set.union(*labelled) & set.union(*pairs)


def test_every_finetuning_seed_draws_other_cases_and_fewer_are_among_more():
    size = replace(QUICK, pool=128, held_out=24)
    splits = folds(size, "reserved")
    pool, held_out = case_names(size)
    for seed in range(5):
        drawn = [splits[fold_of(cases, seed)] for cases in CASES]
        assert [len(set(fold["train"])) for fold in drawn] == list(CASES)
        assert all(set(less["train"]) < set(more["train"]) for less, more in pairwise(drawn))
        assert all(fold["val"] == held_out and set(fold["train"]) <= set(pool) for fold in drawn)
    assert len({frozenset(splits[fold_of(64, seed)]["train"]) for seed in range(5)}) == 5
    assert splits != folds(size, "development")
    assert json.loads(json.dumps(splits)) == splits


def test_cases_are_named_as_the_phantom_names_them(tmp_path):
    write_labelled(labelled_job(tmp_path, TINY, "development"))
    names = sorted(file.name.removesuffix(".nii.gz") for file in (tmp_path / "labelsTr").iterdir())
    pool, held_out = case_names(TINY)
    assert names == pool + held_out


def test_a_teacher_learns_from_cases_that_its_seeds_cells_never_draw():
    splits = folds(replace(QUICK, pool=128, held_out=24), "reserved")
    for seed in range(5):
        others = splits[teacher_fold(seed)]
        assert len(set(others["train"])) == TEACHER_CASES
        assert not set(others["train"]) & set(splits[fold_of(max(CASES), seed)]["train"])
        assert others["val"] == splits[0]["val"]
