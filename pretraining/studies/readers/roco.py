"""ROCO and ROCOv2: radiology figures of open-access articles with their captions.

ROCO has `<split>/radiology/captions.txt` (id, tab, caption) beside `images/<id>.jpg`, and older copies
`<split>data.csv` with id, name, caption; ROCOv2 has `<split>_captions.csv` (ID, Caption) beside folders of `<ID>.jpg`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.readers.delimited import open_table
from pretraining.studies.readers.image_index import index_images
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import recoded
from pretraining.studies.records import Record, Reject
from pretraining.studies.splits import split_name

_CAPTION_FILES = ("captions.txt", "*captions.csv", "*traindata.csv", "*testdata.csv", "*valdata.csv")


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read the caption files below a folder, or one of them; see `Reader`."""
    files = sorted(_caption_files(request.input))
    if not files:
        raise UserError(f"{request.input} holds no captions.txt (ROCO) and no *_captions.csv (ROCOv2)")
    root = request.root
    images = index_images(root)
    for file in files:
        split = _split(file, request.input)
        for number, (identifier, name, caption) in enumerate(_captions(file), start=1):
            caption, flag = recoded(caption)
            article = re.match(r"PMC\d+", name)
            yield Record(
                id=identifier,
                # Figures of one article are mostly of one patient.
                patient=article[0] if article else "",
                images=(images.get(identifier) or images.get(name) or root / f"{identifier}.jpg",),
                report=caption,
                split=split,
                source=f"{file.name}, line {number}",
                flags=(flag,) if flag else (),
            )


def _split(file: Path, top: Path) -> str:
    """The split that a caption file's name or its folders below `top` tell, nearest first; empty when none does."""
    parts = file.parts[-3:] if file == top else file.relative_to(top).parts
    words = [word for part in reversed(parts) for word in re.split(r"[\W_]+|data\b", part)]
    return next(filter(None, map(split_name, words)), "")


def _caption_files(path: Path) -> set[Path]:
    return {path} if path.is_file() else {found for pattern in _CAPTION_FILES for found in path.rglob(pattern)}


def _captions(file: Path) -> Iterator[tuple[str, str, str]]:
    """Id, original file name (empty when not given) and caption of every line."""
    with open_table(file) as lines:
        if file.suffix == ".txt":
            for line in lines:
                identifier, _, caption = line.partition("\t")
                if identifier.strip():
                    yield identifier.strip(), "", caption.strip()
            return
        for row in csv.DictReader(lines):
            values = {
                (key or "").strip().lower(): (value or "") for key, value in row.items() if isinstance(value, str)
            }
            yield values.get("id", "").strip(), values.get("name", "").strip(), values.get("caption", "").strip()
