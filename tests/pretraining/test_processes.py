import json
import os
import shlex
import subprocess
import sys

import pytest
import torch

from pretraining.cli.main import main
from pretraining.errors import UserError
from pretraining.processes import Processes, join
from pretraining.training.checkpoint import LATEST, read_checkpoint

SIZES = """
    --image-size 32 32 --stages 3 --embedding-dim 16 --scratch-hidden-size 32 --scratch-layers 1
    --batch-size 9 --micro-batch-size 3 --epochs 2 --workers 0 --device cpu
"""


def test_two_processes_train_validate_and_save_one_run_that_one_process_takes_up(prepared, tmp_path, caplog):
    run = tmp_path / "run"
    command = ["train", "--data", str(prepared), "--output", str(run), *shlex.split(SIZES)]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([*launcher, "-m", "pretraining.cli.main", *command], check=True, env={**os.environ, "LANG": "C"})
    state = read_checkpoint(run / LATEST)
    assert state["step"] == 8
    first, second = (one["torch"] for one in state["random"])
    assert not torch.equal(first, second)
    entries = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in entries] == [1, 2]
    # Both processes measured their part of the same 8 studies: a recall is a multiple of 1/8.
    assert all((8 * entry["val/image_to_report_r1"]) % 1 == 0 for entry in entries)
    steps = [json.loads(line)["step"] for line in (run / "steps.jsonl").read_text().splitlines()]
    assert steps == list(range(1, 9))
    caplog.set_level("INFO")
    assert main(command) == 0
    assert "1 processes go on where 2 stood" in caplog.text
    assert "is already trained" in caplog.text


def test_alone_nothing_is_gathered_or_waited_for():
    alone, rows = Processes(), torch.zeros(3, 2, requires_grad=True)
    assert alone.gather(rows) is rows
    assert alone.gather_objects("state") == ["state"]
    assert alone.any(True, torch.device("cpu"))
    with alone.first_ahead():
        alone.wait()


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", str(torch.cuda.device_count()))
    with pytest.raises(UserError, match="more processes on this machine than its"):
        join(torch.device("cuda"))
