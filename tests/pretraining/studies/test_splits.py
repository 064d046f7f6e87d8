from __future__ import annotations

from collections import Counter

from pretraining.studies.records import Record
from pretraining.studies.splits import assign_splits, settle_given_splits, split_name

MANY = [f"patient {number}" for number in range(5000)]


def test_fractions_are_met_in_a_large_set():
    counts = Counter(assign_splits(MANY, 0.2, 0.1, seed=0).values())
    assert abs(counts["val"] / len(MANY) - 0.2) < 0.02
    assert abs(counts["test"] / len(MANY) - 0.1) < 0.02


def test_new_patients_do_not_move_old_ones():
    before = assign_splits(MANY[:3000], 0.1, 0.1, seed=0)
    after = assign_splits(MANY[::-1], 0.1, 0.1, seed=0)
    assert all(after[patient] == split for patient, split in before.items())


def test_another_test_fraction_leaves_validation_alone():
    narrow, wide = (assign_splits(MANY, 0.1, fraction, seed=0) for fraction in (0.1, 0.3))
    assert {p for p, s in narrow.items() if s == "val"} == {p for p, s in wide.items() if s == "val"}


def test_another_seed_is_another_split():
    assert assign_splits(MANY, 0.1, 0.1, seed=0) != assign_splits(MANY, 0.1, 0.1, seed=1)


def test_small_sets_still_validate_and_test():
    for count in range(3, 12):
        counts = Counter(assign_splits(MANY[:count], 0.01, 0.01, seed=0).values())
        assert counts["val"] == counts["test"] == 1
    assert Counter(assign_splits(MANY[:2], 0.1, 0.0, seed=0).values()) == {"val": 1, "train": 1}


def test_one_patient_trains():
    assert assign_splits(["a"], 0.0001, 0.0001, seed=0) == {"a": "train"}


def test_a_fraction_of_zero_gives_none():
    assert set(assign_splits(MANY, 0.0, 0.0, seed=0).values()) == {"train"}


def test_usual_names_of_splits():
    assert [split_name(name) for name in ("Train", "validate", "valid", "dev", "TEST", "")] == [
        "train",
        "val",
        "val",
        "val",
        "test",
        "",
    ]
    assert split_name("fold 3") is None


def test_a_patient_given_to_two_splits_stays_in_the_one_held_out():
    records = [
        Record(id="1", patient="a", split="train"),
        Record(id="2", patient="a", split="test"),
        Record(id="3", patient="b", split="train"),
        Record(id="4", patient="a"),
    ]
    kept, rejects = settle_given_splits(records)
    assert [record.id for record in kept] == ["2", "3", "4"]
    assert [reject.id for reject in rejects] == ["1"]
    assert "patient 'a' is in two splits, 'train' and 'test'" in rejects[0].reason
