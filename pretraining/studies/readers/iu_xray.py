"""IU X-ray (Open-i): chest radiographs with reports, as the original XML files or as two CSV tables made from them."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.readers.delimited import open_table
from pretraining.studies.readers.image_index import index_images
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import recoded
from pretraining.studies.records import Record, Reject

_SECTIONS = ("comparison", "indication", "findings", "impression")


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a folder of XML files, or of `*reports.csv` and `*projections.csv`; see `Reader`."""
    folder = request.input if request.input.is_dir() else request.input.parent
    images = index_images(request.root)
    tables = sorted(folder.rglob("*reports.csv"))
    if tables:
        yield from _read_tables(tables[0], images, request.root)
        return
    files = sorted(folder.rglob("*.xml"))
    if not files:
        raise UserError(f"{folder} holds neither Open-i's XML reports nor *reports.csv with *projections.csv")
    for file in files:
        yield _read_xml(file, images, request.root)


def _read_xml(file: Path, images: dict[str, Path], root: Path) -> Record | Reject:
    try:
        tree = ElementTree.parse(file)
    except ElementTree.ParseError as error:
        return Reject(file.stem, "", f"{file.name} is not well-formed XML ({error})")
    texts = {
        (element.get("Label") or "").lower(): "".join(element.itertext()).strip()
        for element in tree.iter("AbstractText")
    }
    identifier = tree.find(".//uId")
    names = [element.get("id") or "" for element in tree.iter("parentImage")]
    return _record(
        (identifier.get("id") if identifier is not None else None) or file.stem, names, texts, file.name, images, root
    )


def _read_tables(reports: Path, images: dict[str, Path], root: Path) -> Iterator[Record | Reject]:
    projections = next(iter(sorted(reports.parent.glob("*projections.csv"))), None)
    if projections is None:
        raise UserError(
            f"{reports} stands alone: *projections.csv, which says which images belong to a report, has to be beside it"
        )
    names: dict[str, list[str]] = defaultdict(list)
    with open_table(projections) as file:
        for row in csv.DictReader(file):
            names[(row.get("uid") or "").strip()].append((row.get("filename") or "").strip())
    with open_table(reports) as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            identifier = (row.get("uid") or "").strip()
            texts = {section: (row.get(section) or "").strip() for section in _SECTIONS}
            yield _record(identifier, names.pop(identifier, []), texts, f"{reports.name}, row {number}", images, root)
    for identifier, files in names.items():
        yield Reject(
            identifier,
            ";".join(files),
            f"{projections.name} names images of a report that {reports.name} does not have",
        )


def _record(
    identifier: str, names: list[str], texts: dict[str, str], source: str, images: dict[str, Path], root: Path
) -> Record | Reject:
    paths = tuple(images.get(name) or images.get(Path(name).stem) or root / name for name in names if name)
    if not paths:
        return Reject(identifier or source, "", "the report has no image")
    report, flag = recoded(
        "\n".join(f"{section.upper()}: {texts[section]}" for section in _SECTIONS if texts.get(section))
    )
    return Record(
        id=identifier,
        images=paths,
        report=report,
        regions=("chest",),
        modality="XR",
        source=source,
        flags=(flag,) if flag else (),
    )
