"""`python -m nnunetv2_mosmos.demo`: runs all stages, scores them, writes the page."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nnunetv2_mosmos.demo.execute import execute
from nnunetv2_mosmos.demo.report import write_report
from nnunetv2_mosmos.demo.results import describe, gather
from nnunetv2_mosmos.demo.settings import FULL, QUICK, Folders, Settings
from nnunetv2_mosmos.demo.stages import demo_stages
from pretraining.errors import UserError

_MARK = "demo.json"


@dataclass(frozen=True)
class Options:
    """The whole path on synthetic patients: pretrain, attach, plan, finetune, predict, score."""

    output: Path = Path("demo_output")
    """Folder for everything; the folder of an earlier demo is replaced."""
    quick: bool = False
    """Only show that all commands work: learns nothing, demands no score."""


def run(options: Options) -> int:
    """Run the demo.

    Returns:
        0 when the scores are good enough, 1 when not.

    Raises:
        UserError: the folder holds something else, or a command failed.
    """
    started = time.monotonic()
    settings = QUICK if options.quick else FULL
    folders = Folders(options.output.resolve())
    _clear(folders.root)
    (folders.root / _MARK).write_text(json.dumps(asdict(settings), indent=1) + "\n", encoding="utf-8")
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        (folders.root / name).mkdir()
    commands = [
        f"export {name}={shlex.quote(value)}"
        for name, value in folders.environment.items()
        if name.startswith("nnUNet")
    ]
    print("\n".join(commands), flush=True)
    stages = demo_stages(folders, settings)
    for number, stage in enumerate(stages, start=1):
        command = shlex.join(stage.command)
        minutes = (time.monotonic() - started) / 60
        print(f"\n=== {number} of {len(stages)}: {stage.title} ({minutes:.1f} min so far)\n$ {command}", flush=True)
        execute(stage, folders.environment, folders.root / f"stage_{number:02d}.log")
        commands.append(command)
    results = gather(folders, settings)
    report = write_report(folders, settings, results, commands, time.monotonic() - started)
    print(f"\n{describe(results)}\n\n{(time.monotonic() - started) / 60:.1f} minutes. Look at {report}")
    shortfalls = results.shortfalls() if settings.judged else []
    for shortfall in shortfalls:
        print(f"not good enough: {shortfall}", file=sys.stderr)
    return 1 if shortfalls else 0


def _clear(folder: Path) -> None:
    """An empty folder; what an earlier demo left there is removed, anything else is refused."""
    if folder.exists() and any(folder.iterdir()):
        if not _is_demo(folder):
            raise UserError(
                f"{folder} holds something that no demo of this version wrote: choose another folder with --output, or "
                "remove it"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def _is_demo(folder: Path) -> bool:
    """Whether a demo left its settings in a folder: another program's file may bear the same name."""
    try:
        settings = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and settings.keys() == {entry.name for entry in fields(Settings)}


def main() -> int:
    """The command line."""
    import tyro

    options = tyro.cli(Options, prog="python -m nnunetv2_mosmos.demo")
    try:
        return run(options)
    except UserError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
