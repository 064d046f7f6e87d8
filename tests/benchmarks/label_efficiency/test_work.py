import json
import os
from concurrent.futures import Future
from dataclasses import replace

import pytest

from benchmarks.label_efficiency.cells import Cell, Choice, Dataset, Pairs, Student, Teacher, planned
from benchmarks.label_efficiency.design import QUICK
from benchmarks.label_efficiency.folders import Folders, open_folder, write_json
from benchmarks.label_efficiency.patients import prepare_pairs
from benchmarks.label_efficiency.work import Ledger, missing, read_ledger, run_within_budget
from pretraining.errors import UserError

CELLS = planned(Choice("development", families=("2d",), arms=("scratch", "both"), cases=(4,), pretraining_seeds=(0,)))


def done_after(seconds, log):
    def submit(job):
        log.append(job)
        future = Future()
        future.set_result(seconds)
        return future

    return submit


def record(folders, job, seconds=10.0):
    write_json(folders.record(job), {"kind": job.kind, "seconds": seconds})


def test_a_finished_cell_is_not_run_again_and_a_killed_one_is(tmp_path):
    folders = Folders(tmp_path)
    bundle = CELLS[1].needs
    before = [Dataset("development"), bundle.needs, bundle]
    assert missing(folders, CELLS) == [*before, *CELLS]
    for job in (*before, CELLS[0]):
        record(folders, job)
    folders.bundle(bundle).mkdir(parents=True)
    # Killed while it wrote.
    folders.record(CELLS[1]).with_suffix(".unfinished").write_text("{")
    assert missing(folders, CELLS) == CELLS[1:]


def test_two_workers_write_the_same_file_at_once(tmp_path, monkeypatch):
    file, move = tmp_path / "splits_final.json", os.replace

    def interrupted(*paths):
        monkeypatch.setattr(os, "replace", move)
        monkeypatch.setattr(os, "getpid", lambda: 2)
        write_json(file, "other")
        move(*paths)

    monkeypatch.setattr(os, "replace", interrupted)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    write_json(file, "own")
    assert json.loads(file.read_text()) == "own"
    assert list(tmp_path.iterdir()) == [file]


def test_a_teacher_learns_before_the_cells_that_start_from_it(tmp_path):
    cells = planned(Choice("development", cases=(4,), interventions=True, arms=("ceiling_network",)))
    teachers = [cell.start for cell in cells]
    assert missing(Folders(tmp_path), cells) == [Dataset("development"), *teachers, *cells]


def test_a_student_learns_when_its_teacher_has_learned_and_its_pairs_are_there(tmp_path):
    cells = planned(Choice("development", cases=(4,), interventions=True, arms=("self", "self_images")))
    students = [cell.start for cell in cells]
    teachers = list(dict.fromkeys(student.teacher for student in students))
    pairs = list(dict.fromkeys(student.needs for student in students))
    assert (len(students), len(teachers), len(pairs)) == (6, 3, 3)
    assert missing(Folders(tmp_path), cells) == [Dataset("development"), *pairs, *teachers, *students, *cells]


def test_all_teachers_of_an_ensemble_learn_before_its_student(tmp_path):
    cells = planned(Choice("development", cases=(4,), interventions=True, arms=("self", "self_ensemble")))
    jobs = [job for job in missing(Folders(tmp_path), cells) if isinstance(job, Teacher | Student)]
    assert [type(job) for job in jobs] == [Teacher] * 9 + [Student] * 6


def test_a_pretraining_whose_cells_are_all_done_is_not_missed(tmp_path):
    folders = Folders(tmp_path)
    for cell in CELLS:
        record(folders, cell)
    assert missing(folders, CELLS) == []


def test_no_job_is_begun_that_would_exceed_the_budget():
    cells, begun = CELLS[:4], []
    ledger = Ledger({cell.kind: [100.0] for cell in cells})
    assert not run_within_budget(cells, done_after(100.0, begun), 2, 350.0, ledger)
    assert begun == cells[:3]
    assert ledger.spent == 300
    assert run_within_budget(cells, done_after(100.0, begun), 2, None, ledger)


def test_a_failing_job_stops_the_run():
    future = Future()
    future.set_exception(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        run_within_budget(CELLS, lambda job: future, 1, None, Ledger())


def test_times_of_earlier_calls_make_the_estimate_of_their_kind(tmp_path):
    folders = Folders(tmp_path)
    cell = CELLS[0]
    for seed, seconds in enumerate((30.0, 50.0, 40.0)):
        record(folders, replace(cell, finetuning=seed), seconds)
    ledger = read_ledger(folders)
    assert ledger.estimate(cell) == 40
    guess = ledger.estimate(replace(cell, family="unetr"))
    assert ledger.estimate(replace(cell, family="unetr", schedule_factor=2)) == 2 * guess


def test_what_a_killed_call_left_of_the_pairs_is_made_anew(tmp_path):
    folders, pairs = Folders(tmp_path), Pairs(2, 7)
    folders.prepared(pairs).mkdir(parents=True)
    (folders.prepared(pairs) / "studies.jsonl").write_text("half a li")
    prepare_pairs(pairs, folders, replace(QUICK, studies={2: 4}))
    assert len((folders.prepared(pairs) / "studies.jsonl").read_text().splitlines()) == 4


def test_cells_of_other_sizes_are_not_mixed(tmp_path):
    open_folder(tmp_path, QUICK)
    assert open_folder(tmp_path, QUICK).record(Cell("development", "2d", "both", 4, 0, 0)).parent.name == "cells"
    with pytest.raises(UserError, match="choose another --output"):
        open_folder(tmp_path, replace(QUICK, held_out=3))
