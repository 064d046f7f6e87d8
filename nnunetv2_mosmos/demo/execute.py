"""Runs a stage's command and shows how it gets on."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from nnunetv2_mosmos.demo.stages import Stage
from pretraining.errors import UserError

_EPOCH_DONE = re.compile(r"Epoch time: ")
_DICE = re.compile(r"Pseudo dice \[(.*)\]")
_NUMBER = re.compile(r"(?:float32|float64)?\(?(\d\.\d+(?:e-\d+)?)")
_LAST_LINES = 30


def execute(stage: Stage, environment: Mapping[str, str], log: Path) -> None:
    """Run a stage.

    Args:
        stage: what to run; its command is looked for beside this Python first.
        environment: variables on top of this process's.
        log: receives the output of commands that are shown as a progress bar.

    Raises:
        UserError: the command failed.
    """
    surroundings = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
    surroundings["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), surroundings.get("PATH", "")])
    code = _with_bar(stage, surroundings, log) if stage.epochs else subprocess.call(stage.command, env=surroundings)
    if code:
        raise UserError(
            f"the demo stopped at '{stage.title}': `{shlex.join(stage.command)}` ended with exit code {code}"
        )


def _with_bar(stage: Stage, environment: Mapping[str, str], log: Path) -> int:
    """Run one of nnU-Net's trainings behind a bar of its epochs; returns the exit code."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with (
        log.open("w", encoding="utf-8") as file,
        tqdm(total=stage.epochs, desc=stage.title, unit="epoch") as bar,
        subprocess.Popen(
            stage.command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        if process.stdout is None:
            raise RuntimeError("the command has no output to read")
        for line in process.stdout:
            file.write(line)
            last.append(line)
            if (dice := mean_pseudo_dice(line)) is not None:
                bar.set_postfix({"validation Dice": f"{dice:.2f}"}, refresh=False)
            if _EPOCH_DONE.search(line):
                bar.update()
                if bar.n == stage.epochs:
                    bar.set_description(f"{stage.title}: validating")
    if process.returncode:
        sys.stderr.writelines(last)
    return process.returncode


def mean_pseudo_dice(line: str) -> float | None:
    """The mean of the values that nnU-Net prints after an epoch, None for other lines."""
    found = _DICE.search(line)
    if found is None:
        return None
    values = [float(value) for value in _NUMBER.findall(found.group(1))]
    return sum(values) / len(values) if values else None
