"""The planned cells, one finetuning each, and what has to be there before them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.label_efficiency.design import (
    ARMS,
    CASES,
    CORE,
    FAMILIES,
    FINETUNING_SEEDS,
    INTERVENTION_CASES,
    PRETRAINING_SEEDS,
    SPLITS,
    TEACHER_CASES,
    Block,
)
from nnunetv2_mosmos.selftraining.agreement import Check
from pretraining.errors import UserError


@dataclass(frozen=True)
class Dataset:
    """A split's labelled cases, planned and preprocessed."""

    split: str

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.split

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return "labelled cases"


@dataclass(frozen=True)
class Pairs:
    """The prepared image-report pairs of a pretraining seed, for all objectives."""

    dim: int
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.dim}d_seed{self.seed}"

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return f"pairs {self.dim}d"


@dataclass(frozen=True)
class Pretraining:
    """One pretraining, which many cells share: of a split's seeds, so that splits with equal seeds share it, too."""

    family: str
    objective: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.family}_{self.objective}_seed{self.seed}"

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return f"pretraining {self.family} {self.objective}"

    @property
    def needs(self) -> Pairs:
        """What it is trained on."""
        return Pairs(FAMILIES[self.family].dim, self.seed)


@dataclass(frozen=True)
class Teacher:
    """A network that learns from labelled cases.

    Attributes:
        cases: how many of those that cells of the finetuning seed draw; None for `TEACHER_CASES` that none of them
            draws.
        member: of an ensemble, which differ in all that is random but the cases.
    """

    split: str
    family: str
    finetuning: int
    cases: int | None = None
    member: int = 0

    @property
    def name(self) -> str:
        """Of its folder."""
        own = "" if self.cases is None else f"_n{self.cases}"
        member = f"_m{self.member}" if self.member else ""
        return f"{self.split}_{self.family}{own}_f{self.finetuning}{member}"

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return f"cell {self.family} teacher"

    @property
    def cell(self) -> Cell:
        """What it is trained as."""
        return Cell(self.split, self.family, "scratch", self.cases or TEACHER_CASES, 0, self.finetuning)


@dataclass(frozen=True)
class Student:
    """A network that learns from images of reports, as its teachers label them.

    Attributes:
        teacher: first member of the ensemble of its teachers.
        check: what of the reports checks the labels.
        pretraining: the place of the seed of the reports.
        number: of teachers.
    """

    teacher: Teacher
    check: Check
    pretraining: int
    number: int = 1

    @property
    def teachers(self) -> tuple[Teacher, ...]:
        """Whose average labels."""
        return tuple(replace(self.teacher, member=member) for member in range(self.number))

    @property
    def name(self) -> str:
        """Of its folder."""
        ensemble = f"_of{self.number}" if self.number > 1 else ""
        return f"{self.teacher.name}{ensemble}_{self.check}_p{self.pretraining}"

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return f"cell {self.teacher.family} student" + (f" of {self.number}" if self.number > 1 else "")

    @property
    def split(self) -> str:
        """Whose labelled cases its teacher learned from."""
        return self.teacher.split

    @property
    def needs(self) -> Pairs:
        """Whose images it learns from."""
        seed = SPLITS[self.split].pretraining + self.pretraining
        return Pairs(FAMILIES[self.teacher.family].dim, seed)


@dataclass(frozen=True)
class Cell:
    """One finetuning.

    Attributes:
        cases: number of labelled cases. pretraining, finetuning: the seeds' places in their split, from 0.
        schedule_factor: the schedule's length over the arm's usual one.
    """

    split: str
    family: str
    arm: str
    cases: int
    pretraining: int
    finetuning: int
    schedule_factor: int = 1

    @property
    def name(self) -> str:
        """Of its file."""
        longer = f"_x{self.schedule_factor}" if self.schedule_factor != 1 else ""
        return f"{self.split}_{self.family}_n{self.cases}_{self.arm}_p{self.pretraining}_f{self.finetuning}{longer}"

    @property
    def kind(self) -> str:
        """What takes equally long."""
        return f"cell {self.family} {self.arm} x{self.schedule_factor}"

    @property
    def length(self) -> int:
        """Of its schedule, over that of most arms."""
        return self.schedule_factor * ARMS[self.arm].length

    @property
    def pretraining_seed(self) -> int:
        """Of the bundle."""
        return SPLITS[self.split].pretraining + self.pretraining

    @property
    def finetuning_seed(self) -> int:
        """Of everything random in the finetuning."""
        return SPLITS[self.split].finetuning + self.finetuning

    @property
    def needs(self) -> Pretraining | None:
        """The pretraining whose bundle it starts from."""
        # A UNETR takes its layout from a bundle even where it takes nothing else.
        objective = ARMS[self.arm].objective or ("tags" if self.family == "unetr" else None)
        return Pretraining(self.family, objective, self.pretraining_seed) if objective else None

    @property
    def start(self) -> Teacher | Student | None:
        """The network whose weights it starts from."""
        arm = ARMS[self.arm]
        if arm.taught is None:
            return None
        if arm.labels is None:
            return Teacher(self.split, self.family, self.finetuning)
        teacher = Teacher(self.split, self.family, self.finetuning, self.cases)
        return Student(teacher, arm.labels, self.pretraining, arm.teachers)


@dataclass(frozen=True)
class Choice:
    """Which cells; an empty filter takes everything.

    Attributes:
        everything: the whole grid instead of the required core.
        interventions: instead of either, what was tried to make the method better; see `_interventions`.
        pretraining_seeds, finetuning_seeds: places in the split, from 0.
    """

    split: str
    everything: bool = False
    schedule_factor: int = 1
    families: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    cases: tuple[int, ...] = ()
    pretraining_seeds: tuple[int, ...] = ()
    finetuning_seeds: tuple[int, ...] = ()
    interventions: bool = False


GRID = tuple(Block(family.name, family.arms, CASES, FINETUNING_SEEDS) for family in FAMILIES.values())


def planned(choice: Choice) -> list[Cell]:
    """The chosen cells, all arms of a pair of seeds before the next pair.

    Raises:
        UserError: a filter fits no cell of the core, or of the grid.
    """
    if choice.interventions:
        cells = [cell for cell in _interventions(choice) if _chosen(cell, choice)]
    else:
        cells = [cell for block in (GRID if choice.everything else CORE) for cell in _block(block, choice)]
    if not cells:
        where = "the grid" if choice.everything else "the required core: give --everything, too"
        where = "the interventions" if choice.interventions else where
        raise UserError(f"the filters --families, --arms, --cases and the seeds together leave no cell of {where}")
    return cells


def _block(block: Block, choice: Choice) -> Iterator[Cell]:
    if not _passes(block.family, choice.families):
        return
    # The first turn gives every finetuning seed another pretraining: when a run is stopped, what is there is of as many
    # independent pairs of seeds as can be.
    for turn, finetuning in itertools.product(range(PRETRAINING_SEEDS), range(block.finetuning_seeds)):
        for cases, arm in itertools.product(block.cases, block.arms):
            # Where the pretraining has no say, one seed of it stands for all.
            pretraining = (finetuning + turn) % PRETRAINING_SEEDS if ARMS[arm].pretrained else 0
            cell = Cell(choice.split, block.family, arm, cases, pretraining, finetuning, choice.schedule_factor)
            if (turn == 0 or ARMS[arm].pretrained) and _chosen(cell, choice):
                yield cell


def _interventions(choice: Choice) -> Iterator[Cell]:
    """Every intervention and what it is compared with, 2d: one finetuning for each pretraining seed."""
    for seed in range(PRETRAINING_SEEDS):
        for cases in INTERVENTION_CASES:
            for arm in ARMS:
                yield paired(Cell(choice.split, "2d", arm, cases, 0, 0, choice.schedule_factor), seed)


def paired(of: Cell, seed: int) -> Cell:
    """The cell like another whose finetuning seed, and pretraining seed where that has a say, is this one."""
    return replace(of, pretraining=seed if ARMS[of.arm].pretrained else 0, finetuning=seed)


def _chosen(cell: Cell, choice: Choice) -> bool:
    seeds = choice.pretraining_seeds if ARMS[cell.arm].pretrained else ()
    return (
        _passes(cell.arm, choice.arms)
        and _passes(cell.cases, choice.cases)
        and _passes(cell.pretraining, seeds)
        and _passes(cell.finetuning, choice.finetuning_seeds)
    )


def planned_number(cell: Cell) -> int:
    """How many cells the core, or else the grid, has that differ from one in their seeds alone."""
    for everything in (False, True):
        choice = Choice(cell.split, everything, families=(cell.family,), arms=(cell.arm,), cases=(cell.cases,))
        blocks = GRID if everything else CORE
        if number := sum(1 for block in blocks for _ in _block(block, choice)):
            return number
    return 0


def _passes(value: object, accepted: Sequence[object]) -> bool:
    return not accepted or value in accepted


Job = Dataset | Pairs | Pretraining | Teacher | Student | Cell


def pretrainings(cells: Sequence[Cell]) -> list[Pretraining]:
    """What the cells need, each once, in the order of need."""
    return list(dict.fromkeys(cell.needs for cell in cells if cell.needs is not None))
