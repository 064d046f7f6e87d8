"""One file that carries finished cells and pretrainings to another folder, machine or checkout.

Runs of many hours are done in parts, and whoever doubts a table wants the Dice of every case. A line of JSON holds the
design, each further one a record; bundles and datasets stay behind and are made anew where cells that are missing need
them.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.label_efficiency.cells import Cell, Pretraining
from benchmarks.label_efficiency.design import Size
from benchmarks.label_efficiency.folders import Folders, check_design, design, write_json
from benchmarks.label_efficiency.records import read_record
from pretraining.errors import UserError
from pretraining.studies.atomic import write_text

KEPT = (Pretraining, Cell)


def unpack(archive: Path, folders: Folders, size: Size) -> None:
    """Put the records of an archive where a call looks for them; those that are there already stay.

    Args:
        archive: written by `pack`; one that does not exist yet holds nothing.
        folders: receive the records.
        size: that they have to agree with.

    Raises:
        UserError: it is of another design, or is no archive.
    """
    if not archive.is_file():
        return
    try:
        begun, *records = map(json.loads, archive.read_text(encoding="utf-8").splitlines())
        check_design(begun, size, str(archive), "--archive")
        for entry in records:
            file = folders.root / entry["kind"] / f"{entry['name']}.json"
            if not file.is_file():
                write_json(file, entry["record"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{archive} is not what --archive writes ({error!r}): choose another file") from error


def pack(archive: Path, folders: Folders, size: Size) -> None:
    """Write the records of all finished cells and pretrainings of a folder."""
    entries = (
        {"kind": file.parent.name, "name": file.stem, "record": read_record(file)} for file in folders.records(KEPT)
    )
    lines = (json.dumps(line, separators=(",", ":")) + "\n" for line in (design(size), *entries))
    write_text(archive, "".join(lines))
