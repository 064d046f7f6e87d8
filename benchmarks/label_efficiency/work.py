"""Carries out jobs in worker processes, one thread each; what is done already is left alone."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, TypeVar, get_args

from tqdm import tqdm

from benchmarks.label_efficiency.cells import Cell, Dataset, Job, Pairs, Pretraining, Student, Teacher, pretrainings
from benchmarks.label_efficiency.design import Size
from benchmarks.label_efficiency.folders import Folders, write_json
from benchmarks.label_efficiency.records import read_record
from benchmarks.record import commit, machine, versions
from pretraining.studies.workers import end_with_parent

J = TypeVar("J", Dataset, Pairs, Pretraining, Teacher, Student, Cell)
# nnU-Net reads the first when it is imported. Threads that wait must sleep where other work shares the cores.
ONE_THREAD = {"nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
# CPU seconds while no job of a kind was measured, by the first two words of the kind: from one run on a noisy machine.
FIRST_GUESS = {
    "labelled cases": 15.0,
    "pairs 2d": 38.0,
    "pairs 3d": 75.0,
    "pretraining 2d": 300.0,
    "pretraining 3d_fullres": 650.0,
    "pretraining unetr": 300.0,
    "cell 2d": 105.0,
    "cell 3d_fullres": 145.0,
    "cell unetr": 145.0,
}


def perform(job: Job, split: str, folders: Folders, size: Size) -> float:
    """Do a job and write its record, the last thing that is written.

    Args:
        job: what it needs is there.
        split: whose plans a pretraining takes.
        folders: of the benchmark.
        size: likewise.

    Returns:
        CPU seconds, which other work on the machine changes less than the clock's.
    """
    import torch

    from benchmarks.label_efficiency.finetune import finetune, teach
    from benchmarks.label_efficiency.patients import labelled_dataset, prepare_pairs
    from benchmarks.label_efficiency.pretrain import pretrain_bundle
    from benchmarks.label_efficiency.students import learn_from_reports

    torch.set_num_threads(1)
    started = time.process_time()
    found: dict[str, Any] = {}
    if isinstance(job, Dataset):
        labelled_dataset(folders, size, split)
    elif isinstance(job, Pairs):
        prepare_pairs(job, folders, size)
    elif isinstance(job, Pretraining):
        found = pretrain_bundle(job, folders, size, folders.plans(split))
    elif isinstance(job, Teacher):
        found = teach(job, folders, size)
    elif isinstance(job, Student):
        found = learn_from_reports(job, folders, size)
    else:
        found = finetune(job, folders, size)
    seconds = time.process_time() - started
    where = {"commit": commit(), "machine": machine(), "versions": versions()}
    write_json(folders.record(job), {"job": asdict(job), "kind": job.kind, "seconds": seconds, **found, **where})
    return seconds


@dataclass
class Ledger:
    """How long jobs take, and what was spent, in CPU seconds.

    Attributes:
        measured: of finished jobs, by kind.
        spent: by this call's finished jobs.
    """

    measured: dict[str, list[float]] = field(default_factory=dict)
    spent: float = 0.0

    def estimate(self, job: Job) -> float:
        """What a job will take: the median of its kind, or a guess."""
        of_kind = self.measured.get(job.kind)
        if of_kind:
            return median(of_kind)
        guess = FIRST_GUESS[" ".join(job.kind.split()[:2])]
        return guess * (job.length if isinstance(job, Cell) else 1)

    def add(self, kind: str, seconds: float) -> None:
        """A job that was finished earlier."""
        self.measured.setdefault(kind, []).append(seconds)

    def spend(self, kind: str, seconds: float) -> None:
        """A job that this call finished."""
        self.add(kind, seconds)
        self.spent += seconds


def read_ledger(folders: Folders) -> Ledger:
    """The times of all that has been done in a folder."""
    ledger = Ledger()
    for file in folders.records():
        record = read_record(file)
        ledger.add(record["kind"], record["seconds"])
    return ledger


def missing(folders: Folders, cells: Sequence[Cell]) -> list[Job]:
    """What is still to be done for some cells: what they need first, then the cells."""

    def left(jobs: Iterable[J]) -> list[J]:
        return [job for job in dict.fromkeys(jobs) if not folders.done(job)]

    finetunings = left(cells)
    pretraining = left(pretrainings(finetunings))
    starts = left(cell.start for cell in finetunings if cell.start is not None)
    students = [start for start in starts if isinstance(start, Student)]
    teachers = left(
        teacher for start in starts for teacher in (start.teachers if isinstance(start, Student) else (start,))
    )
    pairs = left(job.needs for job in (*pretraining, *students))
    datasets = left(Dataset(cell.split) for cell in finetunings)
    return [*datasets, *pairs, *pretraining, *teachers, *students, *finetunings]


def carry_out(
    cells: Sequence[Cell], folders: Folders, size: Size, workers: int, budget: float | None, ledger: Ledger
) -> bool:
    """Do what is missing, in the order of need.

    Args:
        cells: of one split.
        folders: of the benchmark.
        size: likewise.
        workers: processes.
        budget: CPU seconds; None for no bound.
        ledger: receives the times.

    Returns:
        Whether all of it was done within the budget.
    """
    jobs = missing(folders, cells)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:

        def submit(job: Job) -> Future[float]:
            return pool.submit(perform, job, cells[0].split, folders, size)

        # Jobs of a kind do not need each other.
        kinds = ([job for job in jobs if isinstance(job, kind)] for kind in get_args(Job))
        return all(run_within_budget(same, submit, workers, budget, ledger) for same in kinds)


def run_within_budget(
    jobs: Sequence[Job],
    submit: Callable[[Job], Future[float]],
    workers: int,
    budget: float | None,
    ledger: Ledger,
) -> bool:
    """Run jobs in order; none is begun that would probably exceed the budget, together with those under way.

    Args:
        jobs: independent of each other.
        submit: begins one.
        workers: how many at a time.
        budget: CPU seconds of all jobs together; None for no bound.
        ledger: receives the times.

    Returns:
        Whether all were done.
    """
    waiting = list(jobs)
    running: dict[Future[float], Job] = {}
    with tqdm(total=len(jobs), unit="job", disable=not jobs) as bar:
        while waiting or running:
            while waiting and len(running) < workers:
                committed = ledger.spent + sum(ledger.estimate(job) for job in running.values())
                if budget is not None and committed + ledger.estimate(waiting[0]) > budget:
                    logging.getLogger(__name__).warning("the budget ends before %s", waiting[0].name)
                    waiting.clear()
                    break
                job = waiting.pop(0)
                bar.set_postfix_str(job.name)
                running[submit(job)] = job
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                ledger.spend(running.pop(future).kind, future.result())
                bar.update()
        return bar.n == len(jobs)
