"""MIMIC-CXR: a tree of text reports, and images found through the record list or beside the reports.

Reports are `files/p10/p10000032/s50414267.txt`; images `files/p10/p10000032/s50414267/<dicom_id>.dcm` or, in
MIMIC-CXR-JPG, `.jpg`.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.readers.delimited import open_table
from pretraining.studies.readers.image_index import image_files
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import recoded
from pretraining.studies.records import Record, Reject
from pretraining.studies.splits import split_name


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a MIMIC-CXR tree; see `Reader`."""
    folder = request.input if request.input.is_dir() else request.input.parent
    reports = sorted(folder.rglob("p*/s*.txt"))
    if not reports:
        raise UserError(
            f"{folder} holds no MIMIC-CXR reports (files/p10/p10000032/s50414267.txt): "
            "unpack mimic-cxr-reports.zip there"
        )
    splits = _splits(folder)
    images = _images(folder, request.root)
    for report in reports:
        study, patient = report.stem, report.parent.name
        paths = images.pop(study, [])
        text, flag = recoded(report.read_text(encoding="utf-8", errors="surrogateescape").strip())
        if not paths:
            yield Reject(study, "", f"no image of this study below {request.root}")
            continue
        yield Record(
            id=study,
            patient=patient,
            images=tuple(paths),
            report=text,
            regions=("chest",),
            modality="XR",
            split=splits.get(study, ""),
            source=str(report.relative_to(folder)),
            flags=(flag,) if flag else (),
        )
    for study, paths in images.items():
        yield Reject(study, ";".join(map(str, paths)), f"no report of this study below {folder}")


def _images(folder: Path, root: Path) -> dict[str, list[Path]]:
    """Study -> images: as the record list says, else the files in the studies' folders."""
    found: dict[str, list[Path]] = defaultdict(list)
    on_disk: dict[str, Path] = {}
    for path in image_files(root):
        on_disk[path.stem] = path
    tables = sorted(folder.rglob("*record-list.csv*"))
    if tables:
        with _table(tables[0]) as file:
            for row in csv.DictReader(file):
                dicom = (row.get("dicom_id") or "").strip()
                found[f"s{row.get('study_id', '').strip()}"].append(
                    on_disk.get(dicom) or root / (row.get("path") or dicom)
                )
        return found
    for path in on_disk.values():
        found[path.parent.name].append(path)
    return found


def _splits(folder: Path) -> dict[str, str]:
    """Study -> split, from mimic-cxr-2.x.x-split.csv(.gz) when it is there."""
    tables = sorted(folder.rglob("*split.csv*"))
    if not tables:
        return {}
    with _table(tables[0]) as file:
        return {
            f"s{row['study_id'].strip()}": split_name(row.get("split") or "") or ""
            for row in csv.DictReader(file)
            if row.get("study_id")
        }


@contextmanager
def _table(path: Path) -> Iterator[Iterable[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text:
            yield text
    else:
        with open_table(path) as file:
            yield file
