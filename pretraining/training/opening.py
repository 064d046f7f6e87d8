"""Starts a run's folder or takes one up: never another run than the one that is meant, never two processes in one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pretraining.data.corpus import Corpus
from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
from pretraining.lock import locked
from pretraining.tags.vocabulary import Vocabulary
from pretraining.text.scratch import train_tokenizer
from pretraining.training.run_folder import (
    CORPUS,
    PARTS,
    TOKENIZER,
    RunRecord,
    is_run,
    read_record,
    read_settings,
    settings_of,
    write_record,
)

LOG = logging.getLogger(__name__)
Start = Literal["auto", "new", "resume"]
# What a killed process was writing, see `atomic_path`.
UNFINISHED = ".[0-9]*.*"
# A killed process's loaders hold its lock until they notice, within five seconds.
LOCK_SECONDS = 10.0


@contextmanager
def open_run(folder: Path, corpus: Corpus, record: RunRecord, start: Start) -> Iterator[None]:
    """Make the run's folder, or check that it is this run's, and keep other processes out of it inside the block.

    Args:
        folder: the run's folder.
        corpus: the texts that a tokenizer is trained on, where the run needs one.
        record: the run's options and data.
        start: `new` refuses a folder with a run, `resume` one without; `auto` does what is needed, but starts no second
            run beside one with the same settings.

    Raises:
        UserError: the folder holds something else, a run with other settings, or a run that another process trains; it
            cannot be written to; or it is not what `start` asks for.
    """
    with disk_problems_are_users(folder):
        _refuse_other_content(folder)
        if is_run(folder) and start == "new":
            raise UserError(
                f"{folder} holds a run already; leave out --start new to resume it, or give another --output"
            )
        if not is_run(folder):
            _refuse_mistyped(folder, record, start)
        folder.mkdir(exist_ok=True)
    busy = f"another process is training in {folder}; wait for it or end it, or give another --output"
    with locked(folder, busy, seconds=LOCK_SECONDS):
        for unfinished in folder.glob(UNFINISHED):
            unfinished.unlink()
        if is_run(folder):
            refuse_difference(folder, record)
        else:
            LOG.info("new run in %s", folder)
            with disk_problems_are_users(folder):
                if record.config.text.text_encoder == "scratch":
                    train_tokenizer(corpus.texts, folder / TOKENIZER)
                write_record(folder, record)
        yield


def _refuse_other_content(folder: Path) -> None:
    if is_run(folder) or not folder.exists():
        return
    # What only a run has is what a start that was cut short left.
    if not folder.is_dir() or any(entry.name not in PARTS and entry.name[0] != "." for entry in folder.iterdir()):
        raise UserError(f"{folder} exists and is not a run; give an empty or new folder as --output")


def _refuse_mistyped(folder: Path, record: RunRecord, start: Start) -> None:
    if start == "resume":
        raise UserError(f"{folder} holds no run to resume; give the folder of one as --output")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise UserError(f"{folder} cannot be made: there is no folder {parent}; make it, or correct --output")
    if start == "auto":
        settings = settings_of(record)
        for other in sorted(parent.iterdir()):
            if _has_settings(other, settings):
                raise UserError(
                    f"{folder} would be a new run, but {other} was started with the same settings; give that one as "
                    "--output to resume it, or --start new for a second run"
                )


def _has_settings(folder: Path, settings: dict[str, Any]) -> bool:
    try:
        return is_run(folder) and (folder / CORPUS).is_file() and read_settings(folder) == settings
    except OSError:  # another user's
        return False


def refuse_difference(folder: Path, record: RunRecord) -> None:
    """A run is resumed with what it was started with, or not at all.

    Args:
        folder: the run.
        record: what it would be resumed with.

    Raises:
        UserError: names every difference.
    """
    old, new = read_settings(folder), settings_of(record)
    changed = [
        f"{name} {_short(old.get(name))} -> {_short(new.get(name))}"
        for name in sorted(old | new)
        if old.get(name) != new.get(name)
    ]
    if changed:
        changed += _tag_differences(read_record(folder).vocabulary, record.vocabulary)
        raise UserError(
            f"{folder} was started with other settings ({'; '.join(changed)}); give the old ones to resume it, or "
            "another --output to start afresh"
        )


def _short(value: Any) -> Any:
    """A hash's first digits are enough to tell it from another."""
    return value[:8] if isinstance(value, str) and len(value) == 64 else value


def _tag_differences(old: Vocabulary, new: Vocabulary) -> list[str]:
    changes = {
        "gone": [tag for tag in old.ids if tag not in new],
        "new": [tag for tag in new.ids if tag not in old],
        "changed": [tag for tag in old.ids if tag in new and old[tag] != new[tag]],
    }
    return [
        f"{len(tags)} tag(s) {what}: {', '.join(tags[:5])}{', ...' if len(tags) > 5 else ''}"
        for what, tags in changes.items()
        if tags
    ]
