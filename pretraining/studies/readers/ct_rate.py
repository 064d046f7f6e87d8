"""CT-RATE and tables like it: one row a chest CT volume, named without its folder, with the report in parts.

`train_1_a_2.nii.gz` is reconstruction 2 of scan `a` of patient `train_1`; all reconstructions of a scan share its
report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.merge import image_stem
from pretraining.studies.readers import delimited
from pretraining.studies.readers.image_index import index_images
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject
from pretraining.studies.splits import split_name

_VOLUME = re.compile(r"^(?P<scan>(?P<patient>(?P<split>train|valid|test)_\d+)_[a-z]+)_\d+$")


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read the report table, or all `*reports*.csv` below a folder; see `Reader`."""
    tables = [request.input] if request.input.is_file() else sorted(request.input.rglob("*reports*.csv"))
    if not tables:
        raise UserError(f"{request.input} holds no *reports*.csv")
    images = index_images(request.root)
    for table in tables:
        for entry in delimited.read(replace(request, input=table, image_root=request.root)):
            yield _named(entry, images) if isinstance(entry, Record) else entry


def _named(record: Record, images: dict[str, Path]) -> Record:
    """The record with its volumes found, and with patient, scan and split from the volume's name."""
    paths = tuple(images.get(path.name, path) for path in record.images)
    name = _VOLUME.match(image_stem(paths[0]))
    record = replace(record, images=paths, modality=record.modality or "CT", regions=record.regions or ("chest",))
    if name is None:
        return record
    return replace(
        record,
        id=record.id or name["scan"],
        patient=record.patient or name["patient"],
        split=record.split or split_name(name["split"]) or "",
    )
