"""A table's rows as records, whatever file the rows came from."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.studies.columns import Columns, resolve_columns
from pretraining.studies.modalities import modality_code
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject
from pretraining.studies.regions import region_ids
from pretraining.studies.splits import split_name

logger = logging.getLogger(__name__)

Row = tuple[str, Mapping[str, Any] | None, str]
"""Where the row stands, its values, and what is wrong with it (then the values are None)."""

_SECTIONS = ("history", "technique", "findings", "impression")


def records_of_rows(request: ReadRequest, header: Iterable[str], rows: Iterable[Row]) -> Iterable[Record | Reject]:
    """Turn rows into records.

    Args:
        request: the options.
        header: all column names.
        rows: see `Row`.

    Raises:
        UserError: no column holds images, or none holds reports and studies need them.
    """
    columns = resolve_columns(list(header), request.columns, str(request.input))
    has_text = columns.report or any(getattr(columns, section) for section in _SECTIONS)
    logger.info("columns of %s: %s", request.input.name, columns.describe() or "none recognised")
    if not columns.image and request.needs_images:
        raise UserError(
            f"{request.input}: no column is known to hold images: name it with --image-column "
            f"(columns: {', '.join(header)})"
        )
    if not has_text and not request.images_only:
        raise UserError(
            f"{request.input}: no column is known to hold reports: name it with --report-column "
            f"(columns: {', '.join(header)}), or give --images-only"
        )
    if not columns.patient:
        logger.info(
            "no patient column: a study counts as a patient of its own, unless its image names one or is shared"
        )
    for where, values, problem in rows:
        if values is None:
            yield Reject(where, "", problem)
        else:
            yield _record(request, columns, where, values)


def _record(request: ReadRequest, columns: Columns, where: str, values: Mapping[str, Any]) -> Record | Reject:
    texts, flag = _texts(values, columns)
    study_id = texts.get("id", "")
    if any(_is_embedded(values.get(column)) for column in (columns.image, columns.mask)):
        return Reject(
            study_id or where, "", "an image is embedded in the table as bytes: save it as a file, and name the file"
        )
    paths = _paths(values.get(columns.image), request.root)
    if not paths and request.needs_images:
        return Reject(study_id or where, "", "no image is named")
    flags = [flag] if flag else []
    region = texts.get("region", "")
    regions = region_ids(region)
    if region and not regions:
        flags.append(f"body region '{region}' is not known")
    split = split_name(texts.get("split", ""))
    if split is None:
        return Reject(study_id or where, "", f"split '{texts['split']}' is not known (train, val, test)")
    masks = _masks(values, columns, request)
    if request.needs_images and masks and len(masks) != len(paths):
        return Reject(study_id or where, "", f"{len(masks)} masks for {len(paths)} images")
    return Record(
        id=study_id,
        patient=texts.get("patient", ""),
        images=paths,
        report=report_text(texts),
        regions=regions,
        modality=modality_code(texts.get("modality", "")),
        split=split,
        masks=masks,
        source=where,
        flags=tuple(flags),
    )


def _texts(values: Mapping[str, Any], columns: Columns) -> tuple[dict[str, str], str]:
    """The row's texts by what they are, and a flag when one was not UTF-8."""
    found = {field: recoded(cell_text(values.get(name))) for field, name in vars(columns).items() if name}
    return {field: text for field, (text, _) in found.items()}, next((flag for _, flag in found.values() if flag), "")


def report_text(texts: Mapping[str, str]) -> str:
    """The report column, or where it is empty the section columns under their headings."""
    if texts.get("report"):
        return texts["report"]
    return "\n".join(f"{section.upper()}: {texts[section]}" for section in _SECTIONS if texts.get(section))


def cell_text(value: Any) -> str:
    """A cell as text; empty for None and NaN. Identifiers that a table holds as floats (`12.0`) lose the `.0`."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return "\n".join(cell_text(item) for item in value)
    return str(value).strip()


def recoded(text: str) -> tuple[str, str]:
    """Repair text that was not UTF-8.

    Args:
        text: decoded with `surrogateescape`, so that bytes that are not UTF-8 are still in it.

    Returns:
        The text, with such bytes read as Windows-1252, and a flag that says so (empty when nothing was wrong).
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raw = text.encode("utf-8", errors="surrogateescape" if _only_escaped_bytes(text) else "replace")
        return raw.decode("cp1252", errors="replace"), "text was not UTF-8: read as Windows-1252"
    return text, ""


def _only_escaped_bytes(text: str) -> bool:
    return all(not 0xD800 <= ord(character) <= 0xDFFF or 0xDC80 <= ord(character) <= 0xDCFF for character in text)


def _masks(values: Mapping[str, Any], columns: Columns, request: ReadRequest) -> tuple[Path | None, ...]:
    if not columns.mask:
        return ()
    return _paths(values.get(columns.mask), request.mask_root or request.root)


def _is_embedded(value: Any) -> bool:
    """Whether a cell is no path but the file itself, as in tables of Hugging Face's datasets."""
    cells = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(cell, bytes | dict) for cell in cells)


def _paths(value: Any, root: Path) -> tuple[Path, ...]:
    """One path, a list, a JSON list, or several paths with `;` or `|` between them."""
    if isinstance(value, list | tuple):
        names = [cell_text(item) for item in value]
    else:
        text = cell_text(value)
        names = _json_list(text) if text.startswith("[") else text.replace("|", ";").split(";")
    return tuple(_path(name.strip(), root) for name in names if name.strip())


def _path(name: str, root: Path) -> Path:
    path = root / name
    # Tables written on Windows. os.path, not Path: text in the wrong column may be too long for a path.
    return root / name.replace("\\", "/") if "\\" in name and not os.path.exists(path) else path


def _json_list(text: str) -> list[str]:
    try:
        return [str(item) for item in json.loads(text)]
    except ValueError:
        return [text]
