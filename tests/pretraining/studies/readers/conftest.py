from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pretraining.studies.readers import read_records
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject


@pytest.fixture
def read(tmp_path):
    """Reads an input: its records and its rejects."""

    def run(path: Path = tmp_path, format: str = "", **options: Any) -> tuple[list[Record], list[Reject]]:
        entries = list(read_records(ReadRequest(path, **options), format))
        records = [entry for entry in entries if isinstance(entry, Record)]
        return records, [entry for entry in entries if isinstance(entry, Reject)]

    return run


@pytest.fixture
def touch(tmp_path):
    """Makes empty files below the temporary folder."""

    def make(*names: str) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()

    return make


@pytest.fixture
def write(tmp_path):
    """Writes a text file below the temporary folder."""

    def make(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return make
