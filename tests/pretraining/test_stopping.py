import signal
import subprocess
import sys
import threading

import pytest

from pretraining.stopping import STOP_SIGNALS, StopRequest
from pretraining.training.checkpoint import LATEST, read_checkpoint
from pretraining.training.journal import STEPS, read_metrics
from pretraining.training.loop import Trainer
from pretraining.training.pretrain import pretrain


@pytest.mark.parametrize(("number", "code"), [("SIGTERM", 143), ("SIGUSR1", 143), ("SIGINT", 130)])
def test_a_signal_is_noted_until_it_is_safe_to_stop(number, code):
    handlers = [signal.getsignal(one) for one in STOP_SIGNALS]
    with StopRequest() as stop:
        assert not stop.asked
        signal.raise_signal(getattr(signal, number))
        assert stop.asked
    assert stop.exit_code == code
    assert [signal.getsignal(one) for one in STOP_SIGNALS] == handlers


def test_a_second_signal_ends_the_process_at_once(monkeypatch):
    sent = []
    with StopRequest():
        signal.raise_signal(signal.SIGINT)
        raise_signal = signal.raise_signal
        monkeypatch.setattr(signal, "raise_signal", lambda number: sent.append((number, signal.getsignal(number))))
        raise_signal(signal.SIGTERM)
    assert sent == [(signal.SIGTERM, signal.SIG_DFL)]


def test_in_another_thread_handlers_are_left_alone():
    found = []

    def enter():
        with StopRequest():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [before]


KEPT = """
import os, signal, sys, time
from torch.utils.data import DataLoader
from pretraining.stopping import leave_stopping_to_the_parent

batches = iter(DataLoader(range(99), num_workers=1, worker_init_fn=leave_stopping_to_the_parent))
next(batches)
(worker,) = (process.pid for process in batches._workers)
if sys.argv[1] == "group":
    # As a scheduler does it: not from the parent, and to every process.
    os.system(f"kill -TERM {worker}; kill -INT {worker}")
    assert len(list(batches)) == 98
else:
    sys.modules["kept"] = batches
"""


@pytest.mark.parametrize("how", ["group", "exit"])
def test_a_worker_outlives_a_schedulers_signal_and_not_its_parent(how):
    subprocess.run([sys.executable, "-c", KEPT, how], check=True, timeout=60)


def test_stopped_in_validation_the_epoch_is_recorded_after_resuming(
    prepared, tiny_config, on_cpu, finished_run, tmp_path, monkeypatch
):
    validate = Trainer._validate

    def interrupted(self):
        signal.raise_signal(signal.SIGTERM)
        return validate(self)

    run = tmp_path / "run"
    monkeypatch.setattr(Trainer, "_validate", interrupted)
    assert pretrain(prepared, run, tiny_config, on_cpu) == 143
    monkeypatch.undo()
    assert read_checkpoint(run / LATEST)["step"] == 4
    assert read_metrics(run) == []
    assert pretrain(prepared, run, tiny_config, on_cpu) == 0
    assert (run / STEPS).read_text() == (finished_run / STEPS).read_text()
    recorded, expected = ([entry["val/loss"] for entry in read_metrics(folder)] for folder in (run, finished_run))
    assert recorded == expected
