"""What has been prepared already: makes a run resumable and a second run quick."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pretraining.studies.image_store import ImageOutcome, StoredImage

JOURNAL_NAME = "images.jsonl"

# Raise when the same file with the same options would be stored differently than before.
_STORE_VERSION = 2


class Journal:
    """The outcomes of earlier and present image tasks, in `images.jsonl` of the prepared folder.

    A line is appended when an image is complete on disk, so that a kill loses at most the images under way; a torn last
    line is skipped. Failures are not kept: they are tried again.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self._path = output / JOURNAL_NAME
        self._known: dict[str, ImageOutcome] = {}
        if self._path.is_file():
            text = self._path.read_text(encoding="utf-8", errors="replace")
            for line in text.split("\n"):
                outcome = _parse(line)
                if outcome is not None:
                    self._known[outcome.fingerprint] = outcome
            if text and not text.endswith("\n"):
                self._append("")

    def find(self, fingerprint: str) -> ImageOutcome | None:
        """The outcome of an equal task, if its arrays are still there."""
        outcome = self._known.get(fingerprint)
        if outcome is None:
            return None
        names = [name for image in outcome.images for name in (image.array, image.mask) if name]
        return outcome if all((self._output / name).is_file() for name in names) else None

    def add(self, outcome: ImageOutcome) -> None:
        """Record a success.

        Raises:
            OSError: the disk is full.
        """
        self._append(json.dumps(asdict(outcome)))
        self._known[outcome.fingerprint] = outcome

    def _append(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(line + "\n")


def fingerprint(path: Path, mask: Path | None, settings: dict[str, Any]) -> str:
    """A hash of what decides an image's result: path, size and time of its files, and the settings."""
    parts: list[Any] = [_STORE_VERSION, settings, _state(path), _state(mask) if mask else None]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _state(path: Path) -> list[Any]:
    try:
        files = sorted(path.iterdir()) if os.path.isdir(path) else [path, *_data_files(path)]
    except OSError:
        files = [path]
    return [os.path.abspath(path), *([file.name, *_size_and_time(file)] for file in files)]


def _data_files(path: Path) -> list[Path]:
    """Where a header that stands alone may have its voxels; not all of these exist."""
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    return [path.with_suffix(suffix) for suffix in (".raw", ".zraw", ".img", ".raw.gz")]


def _size_and_time(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except (OSError, ValueError):
        # Missing, or no path at all; the image reader says so.
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _parse(line: str) -> ImageOutcome | None:
    try:
        row = json.loads(line)
        images = tuple(_stored(image) for image in row["images"])
        return ImageOutcome(row["fingerprint"], images, tuple((name, reason) for name, reason in row["left_out"]))
    except (ValueError, TypeError, KeyError):
        return None


def _stored(row: dict[str, Any]) -> StoredImage:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return StoredImage(**fields)
