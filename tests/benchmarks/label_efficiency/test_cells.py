from collections import Counter

import pytest

from benchmarks.label_efficiency.cells import Cell, Choice, Pairs, Student, Teacher, planned, pretrainings
from benchmarks.label_efficiency.design import CASES, INTERVENTIONS, MAIN_ARMS, SPLITS
from pretraining.errors import UserError


def test_the_core_has_all_arms_and_seeds_and_the_grid_holds_the_core():
    core = planned(Choice("reserved"))
    trained = sum(arm.pretrained for arm in MAIN_ARMS.values())
    assert Counter(cell.family for cell in core) == {
        "2d": 3 * 5 * (3 * trained + len(MAIN_ARMS) - trained),
        "3d_fullres": 2 * 3 * (3 * 4 + 3),
        "unetr": 3 * (3 + 1),
    }
    grid = planned(Choice("reserved", everything=True))
    assert set(core) < set(grid)
    assert {cell.cases for cell in grid} == set(CASES)
    assert len({cell.name for cell in grid}) == len(grid)


def test_all_arms_of_a_seed_come_before_the_next_seed():
    first = planned(Choice("reserved", families=("2d",), cases=(4,)))[: len(MAIN_ARMS)]
    assert [cell.arm for cell in first] == list(MAIN_ARMS)
    assert {(cell.pretraining, cell.finetuning) for cell in first} == {(0, 0)}


def test_every_finetuning_seed_meets_one_pretraining_before_it_meets_another():
    pairs = [
        (cell.pretraining, cell.finetuning)
        for cell in planned(Choice("reserved", families=("2d",), arms=("both",), cases=(4,)))
    ]
    assert pairs[:5] == [(0, 0), (1, 1), (2, 2), (0, 3), (1, 4)]
    assert sorted(pairs) == [(pretraining, finetuning) for pretraining in range(3) for finetuning in range(5)]


def test_filters_choose_and_an_arm_without_pretraining_stays_beside_any_pretraining_seed():
    chosen = planned(
        Choice("development", False, 2, ("2d",), ("scratch", "both"), (4,), (2,), (1,)),
    )
    assert chosen == [
        Cell("development", "2d", "scratch", 4, 0, 1, 2),
        Cell("development", "2d", "both", 4, 2, 1, 2),
    ]
    with pytest.raises(UserError, match="--everything"):
        planned(Choice("development", cases=(2,)))


def test_interventions_have_one_cell_a_pretraining_seed_beside_what_they_are_compared_with():
    cells = planned(Choice("development", cases=(4,), interventions=True, arms=("scratch", "both", "scaled")))
    assert [(cell.arm, cell.pretraining, cell.finetuning) for cell in cells] == [
        (arm, seed if arm != "scratch" else 0, seed) for seed in range(3) for arm in ("scratch", "both", "scaled")
    ]
    assert {cell.arm for cell in planned(Choice("development", interventions=True))} == {*MAIN_ARMS, *INTERVENTIONS}


def test_cells_share_pretrainings_within_and_across_splits_with_the_same_seeds():
    reserved, shifted = (pretrainings(planned(Choice(split))) for split in ("reserved", "shifted"))
    assert reserved == shifted
    assert len(reserved) == 4 * 3 + 2 * 3 + 3
    assert not set(reserved) & set(pretrainings(planned(Choice("development"))))
    assert pretrainings([Cell("reserved", "2d", arm, 4, 0, 0) for arm in ("plain", "scratch")]) == []


def test_seeds_of_splits_do_not_overlap():
    seeds = Counter(
        seed
        for name, split in SPLITS.items()
        for seed in {
            split.labelled,
            *range(split.finetuning, split.finetuning + 5),
            # The shifted split starts from the reserved one's bundles.
            *(range(split.pretraining, split.pretraining + 3) if name != "shifted" else ()),
        }
    )
    assert set(seeds.values()) == {1}


def test_ceilings_of_a_finetuning_seed_share_a_teacher_and_need_no_pretraining():
    ceilings = [arm for arm in INTERVENTIONS if arm.startswith("ceiling")]
    cells = planned(Choice("development", cases=(4,), interventions=True, arms=("scratch", *ceilings)))
    assert len(ceilings) == 3
    assert pretrainings(cells) == []
    for seed in range(3):
        own = [cell for cell in cells if cell.finetuning == seed]
        assert own[0].start is None
        assert {cell.start for cell in own[1:]} == {Teacher("development", "2d", seed)}


def test_self_training_starts_from_what_a_network_of_the_same_cases_says_of_a_pretrainings_images():
    cell = Cell("reserved", "2d", "self", 4, 2, 1)
    assert cell.start == Student(Teacher("reserved", "2d", 1, cases=4), "report", 2)
    assert cell.start.needs == Pairs(2, SPLITS["reserved"].pretraining + 2)
    # Batches are those of all cells of these cases and this seed.
    assert cell.start.teacher.cell == Cell("reserved", "2d", "scratch", 4, 0, 1)
    # A network that learned from other labels is not that of a ceiling.
    assert cell.start.teacher.name != Teacher("reserved", "2d", 1).name
    assert pretrainings([cell]) == []


def test_an_ensemble_of_teachers_shares_its_first_network_with_single_ones():
    single, student = (Cell("development", "2d", arm, 4, 2, 1).start for arm in ("self", "self_ensemble"))
    assert student.teachers[0] == single.teacher == single.teachers[0]
    assert len({teacher.name for teacher in student.teachers}) == 3
    assert {teacher.cell for teacher in student.teachers} == {single.teacher.cell}
    assert student.name != single.name
