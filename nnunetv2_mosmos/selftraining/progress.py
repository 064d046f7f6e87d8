"""What has been labelled already: a labelling that was interrupted goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.lock import LOCK, locked
from pretraining.studies.atomic import whole_lines, write_text

SETTINGS, OUTCOMES = "settings.json", "outcomes.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What became of an image.

    Attributes:
        study: its study's id.
        image: its array in the prepared folder.
        case: its name in the dataset; None where it is not in it.
        reason: why it is not.
        named, found, barred: labels that its report names, those of them that the network finds, and those that the
            network finds and the report rules out.
    """

    study: str
    image: str
    case: str | None = None
    reason: str | None = None
    named: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()


class Progress:
    """The outcomes so far, in a dataset's unfinished folder.

    A line is written when an image's files are: a kill loses the images under way. See `unfinished_dataset`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / OUTCOMES
        lines = whole_lines(self._file)
        self.outcomes = [_outcome(line) for line in lines]
        write_text(self._file, "".join(f"{line}\n" for line in lines))

    def add(self, outcome: Outcome) -> None:
        """Record an image."""
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")
        self.outcomes.append(outcome)

    def finish(self, folder: Path) -> None:
        """Make the unfinished folder `folder`, without what is of use to it alone."""
        for name in (SETTINGS, OUTCOMES, LOCK):
            (self.folder / name).unlink()
        self.folder.rename(folder)


@contextmanager
def unfinished_dataset(folder: Path, settings: Mapping[str, Any]) -> Iterator[Progress]:
    """Make the unfinished folder of a dataset or take it up, and keep other processes out of it inside the block.

    Args:
        folder: what it becomes in the end.
        settings: all that decides the outcomes; plain types.

    Yields:
        Its progress.

    Raises:
        UserError: another process is at it, or it was begun with other settings.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    busy = f"another process is labelling {folder.name}: wait for it or end it, or give another number"
    with locked(unfinished, busy, then="give the same command again"):
        _refuse_difference(unfinished, json.loads(json.dumps(settings)))
        yield Progress(unfinished)


def _refuse_difference(unfinished: Path, settings: dict[str, Any]) -> None:
    file = unfinished / SETTINGS
    if not file.is_file():
        write_text(file, json.dumps(settings))
        return
    old = json.loads(file.read_text(encoding="utf-8"))
    if changed := [name for name in sorted(old | settings) if old.get(name) != settings.get(name)]:
        raise UserError(
            f"{unfinished} was begun with another {', '.join(changed)}: give the same command as before to go on, or "
            "remove that folder to begin anew"
        )


def _outcome(line: str) -> Outcome:
    row = json.loads(line)
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Outcome(**fields)
