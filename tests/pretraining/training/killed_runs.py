"""Trains, kills and resumes runs; imports once, then forks, for the imports take longer than a run.

Usage: python killed_runs.py PREPARED RUNS; writes one line a run: its name, then the exit statuses of the killed and of
the resumed process (negative for a signal).
"""

import os
import signal
import sys
from pathlib import Path

# What training imports late is imported here, before the first fork.
import sklearn.metrics  # noqa: F401
from transformers import BertModel, PreTrainedTokenizerFast  # noqa: F401

from benchmarks.interrupted_training import kill_before_naming, kill_in_save, signal_in_step
from pretraining.cli.main import main
from pretraining.data.augmentation import Augmentation
from pretraining.training import checkpoint, journal, pretrain  # noqa: F401
from pretraining.training.journal import Journal

OPTIONS = (
    "--image-size 32 32 --stages 3 --embedding-dim 16 --map-stride 4 --scratch-hidden-size 32 --scratch-layers 1 "
    "--epochs 2 --batch-size 8 --learning-rate 1e-3 --device cpu --checkpoint-steps 3"
)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def before_rename(name, nth):
    """The nth time that a file is to get a name."""
    replace, calls = os.replace, []

    def patched(source, target):
        calls.extend([None] * (Path(target).name == name))
        if Path(target).name == name and len(calls) == nth:
            die()
        replace(source, target)

    os.replace = patched


def after_writing_steps(nth):
    """The steps are written, the checkpoint is not; and a line is torn."""
    write, calls = Journal.write_steps, []

    def patched(self):
        write(self)
        calls.append(None)
        if len(calls) == nth:
            with (self.folder / "steps.jsonl").open("a") as file:
                file.write('{"step": 4, "lo')
            die()

    Journal.write_steps = patched


# Checkpoints of a run of 8 steps with --checkpoint-steps 3: at 0, 3, 4 (epoch), 6, 8 (epoch).
MOMENTS = {
    "undisturbed": lambda: None,
    "before_the_first_checkpoint": lambda: before_rename(checkpoint.LATEST, 1),
    "in_step_3": lambda: signal_in_step(3, signal.SIGKILL),
    "in_step_6": lambda: signal_in_step(6, signal.SIGKILL),
    "half_way_through_a_save": lambda: kill_in_save(6),
    "between_the_renames": lambda: kill_before_naming(6),
    "before_the_best_is_named": lambda: before_rename(checkpoint.BEST, 1),
    "between_steps_and_checkpoint": lambda: after_writing_steps(2),
    "between_metrics_and_checkpoint": lambda: before_rename("metrics.csv", 2),
    "sigterm": lambda: signal_in_step(2, signal.SIGTERM),
    "sigint": lambda: signal_in_step(8, signal.SIGINT),
}


def forked(arguments, prepare=None):
    child = os.fork()
    if child == 0:
        if prepare:
            prepare()
        os._exit(main(arguments))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    prepared, runs = sys.argv[1:]
    Augmentation((32, 32))
    # Pictures have no part in resuming.
    journal.draw_curves = lambda entries, path: path.touch()
    for moment, prepare in MOMENTS.items():
        # A folder each: no run starts beside one of the same settings.
        folder = Path(runs) / moment
        folder.mkdir()
        # With workers, the resumed process waits seconds for those of the killed one to go: once is enough.
        workers = "1" if moment in ("half_way_through_a_save", "sigterm") else "0"
        command = ["train", "--data", prepared, "--output", str(folder / "run"), "--workers", workers, *OPTIONS.split()]
        sys.stdout.write(f"{moment} {forked(command, prepare)} {forked(command)}\n")
        sys.stdout.flush()
