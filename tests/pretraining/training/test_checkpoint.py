import errno
import os
import resource

import pytest
import torch

from pretraining.errors import UserError
from pretraining.training import checkpoint
from pretraining.training.checkpoint import (
    BEST,
    LATEST,
    PREVIOUS,
    read_checkpoint,
    read_last_checkpoint,
    state_bytes,
    write_checkpoint,
)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def state(step):
    return {"step": step, "task": {"weight": torch.full((100_000,), float(step))}}


def test_latest_previous_and_best_are_the_right_ones_and_best_costs_no_second_file(tmp_path):
    for step in range(4):
        write_checkpoint(tmp_path, state(step), best=step == 3)
    assert [read_checkpoint(tmp_path / name)["step"] for name in (LATEST, PREVIOUS, BEST)] == [3, 2, 3]
    assert (tmp_path / BEST).samefile(tmp_path / LATEST)
    write_checkpoint(tmp_path, state(4))
    assert [read_checkpoint(tmp_path / name)["step"] for name in (LATEST, PREVIOUS, BEST)] == [4, 3, 3]
    assert names(tmp_path) == sorted([LATEST, PREVIOUS, BEST])


def test_best_is_a_copy_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_checkpoint(tmp_path, state(1), best=True)
    assert read_checkpoint(tmp_path / BEST)["step"] == 1


def test_the_file_and_then_its_name_reach_the_disk(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, state(1))
    calls = []
    sync, rename = os.fsync, os.replace

    def noted_sync(descriptor):
        calls.append(f"sync {os.path.basename(os.readlink(f'/proc/self/fd/{descriptor}'))}")
        sync(descriptor)

    def noted_rename(source, target):
        calls.append(f"rename to {target.name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_rename)
    write_checkpoint(tmp_path, state(2))
    assert calls == [
        "sync checkpoint_latest.unfinished",
        f"rename to {PREVIOUS}",
        f"rename to {LATEST}",
        f"sync {tmp_path.name}",
    ]


def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(tmp_path):
    write_checkpoint(tmp_path, state(1))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(
            UserError, match=r"File too large; 0\.4 MiB are needed, .* MiB are free\).* --output$"
        ) as full:
            write_checkpoint(tmp_path, state(2), best=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(tmp_path) in str(full.value)
    assert names(tmp_path) == [LATEST]
    assert read_last_checkpoint(tmp_path)["step"] == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_failed_write_is_one_sentence(tmp_path, monkeypatch, number):
    def refuse(value, file):
        try:
            raise OSError(number, os.strerror(number))
        finally:
            raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos")

    monkeypatch.setattr(torch, "save", refuse)
    with pytest.raises(UserError) as failed:
        write_checkpoint(tmp_path, state(1))
    assert f"cannot be written to ({os.strerror(number)}; " in str(failed.value)
    assert names(tmp_path) == []


def test_a_defect_of_ours_keeps_its_traceback(tmp_path):
    with pytest.raises(AttributeError):
        write_checkpoint(tmp_path, {"step": lambda: None})


def test_a_damaged_latest_never_takes_the_place_of_the_good_previous(tmp_path):
    for step in (1, 2):
        write_checkpoint(tmp_path, state(step))
    (tmp_path / LATEST).write_bytes(b"PK")
    assert read_last_checkpoint(tmp_path)["step"] == 1
    write_checkpoint(tmp_path, state(2))
    assert [read_checkpoint(tmp_path / name)["step"] for name in (LATEST, PREVIOUS)] == [2, 1]


def test_a_damaged_latest_may_be_renamed_by_another_process_at_the_same_time(tmp_path, monkeypatch):
    for step in (1, 2):
        write_checkpoint(tmp_path, state(step))
    (tmp_path / LATEST).write_bytes(b"PK")

    def read_beside_another(path):
        found = read_checkpoint(path)
        (tmp_path / LATEST).rename(tmp_path / "checkpoint_latest.damaged")
        return found

    monkeypatch.setattr(checkpoint, "read_checkpoint", read_beside_another)
    assert read_last_checkpoint(tmp_path)["step"] == 1


def test_state_bytes_counts_nested_tensors_once():
    shared = torch.zeros(3)
    state = {"a": shared, "b": [(torch.zeros(2, dtype=torch.int64), 5)], "c": "text", "d": {"e": shared}}
    assert state_bytes(state) == 12 + 16
