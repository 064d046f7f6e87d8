import numpy as np

from pretraining.phantom.organs import ORGANS
from pretraining.phantom.patient import Habits, draw_patient


def patients(habits, count=60):
    return [draw_patient(np.random.default_rng([7, number]), habits) for number in range(count)]


def test_one_seed_gives_one_patient():
    first, second = (draw_patient(np.random.default_rng(3), Habits()) for _ in range(2))
    assert first.removed == second.removed
    assert [lesion.radius for lesion in first.lesions] == [lesion.radius for lesion in second.lesions]
    assert all(np.array_equal(a, b) for a, b in zip(first.bounds, second.bounds, strict=True))


def test_removed_organs_are_not_built():
    everyone = patients(Habits(removals=4))
    removed = {organ for patient in everyone for organ in patient.removed}
    assert {"gallbladder", "spleen", "kidney_left", "kidney_right"} <= removed
    for patient in everyone:
        built = {part.organ for part in patient.parts}
        assert built.isdisjoint(patient.removed)
        assert not {"kidney_left", "kidney_right"} <= set(patient.removed), "nobody lives without kidneys"


def test_nobody_has_the_organs_or_diseases_of_the_other_sex():
    for patient in patients(Habits(sizes=3)):
        foreign = "uterus" if patient.traits.sex == "male" else "prostate"
        words = set(patient.sizes) | set(patient.removed) | {lesion.organ for lesion in patient.lesions}
        assert foreign not in words
        assert foreign not in {part.organ for part in patient.parts}


def test_lesions_grow_inside_their_hosts_and_of_at_least_three_kinds():
    lesions = [lesion for patient in patients(Habits(lesions=5)) for lesion in patient.lesions]
    assert len({lesion.kind for lesion in lesions}) >= 5
    assert all(lesion.organ in ORGANS and lesion.radius > 1 for lesion in lesions)


def test_lesions_grow_where_the_population_has_them_and_as_large():
    brains = patients(Habits(lesions=3, lesion_hosts={"brain": 1.0}), 30)
    organs = [lesion.organ for patient in brains for lesion in patient.lesions]
    assert len(organs) > 50
    assert set(organs) == {"brain"}
    kidneys = patients(Habits(lesions=3, lesion_hosts={"kidney": 1.0}), 30)
    assert {lesion.organ for patient in kidneys for lesion in patient.lesions} == {"kidney_left", "kidney_right"}

    def mean_radius(factor):
        everyone = patients(Habits(lesions=3, lesion_hosts={"brain": 1.0}, lesion_size=factor), 30)
        return np.mean([lesion.radius for patient in everyone for lesion in patient.lesions])

    assert mean_radius(1.6) > 1.4 * mean_radius(1.0)


def test_enlarged_organs_are_larger_than_the_same_patients_normal_ones():
    def reach(patient, organ):
        low, high = zip(*(part.shape.bounds for part in patient.parts if part.organ == organ), strict=True)
        return float(np.prod(np.max(high, 0) - np.min(low, 0)))

    normal = [reach(patient, "spleen") for patient in patients(Habits(removals=0, sizes=0), 30)]
    sick = [
        reach(patient, "spleen")
        for patient in patients(Habits(removals=0, sizes=4), 30)
        if patient.sizes.get("spleen") == "enlarged"
    ]
    assert len(sick) > 3
    assert np.mean(sick) > 1.5 * np.mean(normal)


def test_populations_can_lack_organs_and_have_larger_ones():
    everyone = patients(Habits(never_formed={"liver": 1.0}, removals=0), 3)
    assert all(patient.removed == {"liver": "agenesis"} for patient in everyone)
    assert all("liver" not in {part.organ for part in patient.parts} for patient in everyone)
