"""Carries out jobs in worker processes, one thread each; what is done already is left alone."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from statistics import median

from tqdm import tqdm

from benchmarks.label_efficiency.cells import Cell, Pretraining, pretrainings
from benchmarks.label_efficiency.design import Size
from benchmarks.label_efficiency.folders import Folders, write_json
from benchmarks.label_efficiency.report import read_record
from benchmarks.record import commit, machine, versions

Job = Cell | Pretraining
# nnU-Net reads the first when it is imported. Threads that wait must sleep where other work shares the cores.
ONE_THREAD = {"nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
# Before anything of a kind was measured: seconds of a cell and of a pretraining, by family.
FIRST_GUESS = {"2d": (60.0, 400.0), "3d_fullres": (180.0, 900.0), "unetr": (90.0, 400.0)}


def perform(job: Job, split: str, folders: Folders, size: Size) -> float:
    """Do a job and write its record, the last thing that is written.

    Args:
        job: a cell or a pretraining.
        split: whose plans a pretraining takes.
        folders: of the benchmark.
        size: likewise.

    Returns:
        CPU seconds, which other work on the machine changes less than the clock's.
    """
    import torch

    from benchmarks.label_efficiency.finetune import finetune
    from benchmarks.label_efficiency.pretrain import pretrain_bundle

    torch.set_num_threads(1)
    if isinstance(job, Cell):
        found = {"cell": job.to_dict(), **finetune(job, folders, size)}
    else:
        found = pretrain_bundle(job, folders, size, folders.plans(split))
    where = {"kind": job.kind, "commit": commit(), "machine": machine(), "versions": versions()}
    write_json(folders.record(job), {**found, **where})
    return float(found["seconds"])


def make_dataset(split: str, folders: Folders, size: Size) -> None:
    """A split's labelled dataset."""
    from benchmarks.label_efficiency.patients import labelled_dataset

    labelled_dataset(folders, size, split)


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
        guess = FIRST_GUESS[job.family][isinstance(job, Pretraining)]
        return guess * (job.schedule_factor if isinstance(job, Cell) else 1)

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
    for pattern in ("cells/*.json", "pretraining/*/record.json"):
        for file in folders.root.glob(pattern):
            record = read_record(file)
            ledger.add(record["kind"], record["seconds"])
    return ledger


def missing(folders: Folders, cells: Sequence[Cell]) -> list[Job]:
    """What is still to be done for some cells: pretrainings that they need, then the cells."""
    left = [cell for cell in cells if not folders.record(cell).is_file()]
    return [*(job for job in pretrainings(left) if not folders.record(job).is_file()), *left]


@dataclass(frozen=True)
class Workshop:
    """Where jobs are carried out.

    Attributes:
        budget: CPU seconds that must not be exceeded; None for no bound.
    """

    folders: Folders
    size: Size
    split: str
    workers: int
    budget: float | None
    ledger: Ledger

    def carry_out(self, cells: Sequence[Cell]) -> bool:
        """Do what is missing, pretrainings before the cells that need them.

        Returns:
            Whether all of it was done within the budget.
        """
        jobs = missing(self.folders, cells)
        if not jobs:
            return True
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, mp_context=context) as pool:
            pool.submit(make_dataset, self.split, self.folders, self.size).result()
            return all(self._all(pool, [job for job in jobs if isinstance(job, kind)]) for kind in (Pretraining, Cell))

    def _all(self, pool: Executor, jobs: Sequence[Job]) -> bool:
        """Run independent jobs, as many at a time as there are workers."""
        return run_within_budget(
            jobs,
            lambda job: pool.submit(perform, job, self.split, self.folders, self.size),
            self.workers,
            self.budget,
            self.ledger,
        )


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
        budget: seconds of all jobs together; None for no bound.
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
