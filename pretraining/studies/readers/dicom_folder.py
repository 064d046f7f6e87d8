"""DICOM studies with their reports: reports in a table that names studies, or as text files beside the images.

A table names a study by its StudyInstanceUID, accession number or folder. A text file belongs to a study when it is in
the study's folder, or beside it under the folder's name (`case7.txt` beside `case7/`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.images.dicom import DicomHeader, is_dicom, read_header
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.readers import delimited, json_lines, parquet
from pretraining.studies.readers.image_folder import dicom_folders
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.readers.rows import recoded
from pretraining.studies.records import Record, Reject


@dataclass(frozen=True)
class DicomStudy:
    """A study on disk: the header of one of its objects, and its images (folders, or files of a mixed folder)."""

    header: DicomHeader
    images: tuple[Path, ...]


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read DICOM studies below a folder, with their reports; see `Reader`."""
    root = request.root
    studies: dict[str, DicomStudy] = {}
    for entry in _studies(root):
        if isinstance(entry, Reject):
            yield entry
            continue
        known = studies.get(entry.header.study)
        studies[entry.header.study] = replace(entry, images=(known.images if known else ()) + entry.images)
    if not studies:
        raise UserError(f"no DICOM study below {root}")
    if request.input.is_dir():
        yield from _with_text_files(studies, root, request.images_only)
    else:
        yield from _with_table(studies, root, request)


def _studies(root: Path) -> Iterator[DicomStudy | Reject]:
    for folder in dicom_folders(root):
        files = sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path))
        # A folder of slices is one study as a rule, and the image reader makes sure of it: two looks are enough here.
        ends = [header for path in dict.fromkeys((files[0], files[-1])) if (header := _header(path)) is not None]
        if len(ends) == 2 and ends[0].study == ends[1].study:
            yield DicomStudy(ends[0], (folder,))
            continue
        headers = [header for path in files if (header := _header(path)) is not None]
        by_study: dict[str, list[DicomHeader]] = defaultdict(list)
        for header in headers:
            by_study[header.study].append(header)
        if not headers:
            yield Reject(folder.name, str(folder), "no object in the folder is a DICOM image that can be read")
        for group in by_study.values():
            mixed = len(by_study) > 1
            yield DicomStudy(group[0], tuple(header.path for header in group) if mixed else (folder,))


def _header(path: Path) -> DicomHeader | None:
    """The header, or None for objects that are no images: the image reader lists those with their reasons."""
    try:
        return read_header(path)
    except UnusableImageError:
        return None


def _with_text_files(studies: dict[str, DicomStudy], root: Path, images_only: bool) -> Iterator[Record | Reject]:
    below: dict[Path, set[str]] = defaultdict(set)
    for uid, study in studies.items():
        for image in study.images:
            for folder in (image, *image.parents):
                below[folder].add(uid)
    used: set[Path] = set()
    for study in studies.values():
        texts = _text_files(study, root, below)
        used.update(texts)
        report, flag = recoded(
            "\n".join(path.read_text(encoding="utf-8", errors="surrogateescape").strip() for path in texts)
        )
        if not texts and not images_only:
            yield Reject(_name(study), _images(study), "no report: no .txt file in the study's folder or beside it")
            continue
        yield replace(_record(study, root), report=report, flags=(flag,) if flag else ())
    for path in sorted(set(root.rglob("*.txt")) - used):
        yield Reject(path.stem, "", f"the text file {path.relative_to(root)} belongs to no DICOM study")


def _text_files(study: DicomStudy, root: Path, below: dict[Path, set[str]]) -> list[Path]:
    """The study's reports: nearest to its images first, never from a folder that holds another study too."""
    for image in study.images:
        for level in (image, *image.parents):
            beside = level.with_name(f"{level.stem if level.is_file() else level.name}.txt")
            inside = sorted(level.glob("*.txt")) if level.is_dir() and len(below[level]) == 1 else []
            if inside or (level != root and beside.is_file() and len(below[level]) == 1):
                return inside or [beside]
            if level == root:
                break
    return []


def _with_table(studies: dict[str, DicomStudy], root: Path, request: ReadRequest) -> Iterator[Record | Reject]:
    keys: dict[str, str] = {}
    for uid, study in studies.items():
        names = [uid, study.header.accession]
        for image in study.images:
            names += [part.as_posix() for part in _folders_below(image, root)] + [
                part.name for part in _folders_below(image, root)
            ]
        for name in filter(None, names):
            # A folder of several studies names none of them.
            keys[name] = uid if keys.get(name, uid) == uid else ""
    named: set[str] = set()
    for entry in _table(request):
        if isinstance(entry, Reject):
            yield entry
            continue
        if not entry.id:
            yield Reject(entry.source, "", "the row names no study: its id is empty (--id-column)")
            continue
        uid = keys.get(entry.id, "")
        if not uid:
            yield Reject(
                entry.id,
                "",
                f"no DICOM study below {root} has this StudyInstanceUID, accession number or folder",
            )
            continue
        named.add(uid)
        found = _record(studies[uid], root)
        if entry.masks and len(entry.masks) != len(found.images):
            yield Reject(entry.id, "", f"{len(entry.masks)} masks for {len(found.images)} images")
            continue
        yield replace(
            entry,
            images=found.images,
            patient=entry.patient or found.patient,
            modality=entry.modality or found.modality,
        )
    for uid, study in studies.items():
        if uid not in named:
            if request.images_only:
                yield _record(study, root)
            else:
                yield Reject(_name(study), _images(study), f"no report: {request.input.name} does not name this study")


def _table(request: ReadRequest) -> Iterable[Record | Reject]:
    readers = {".jsonl": json_lines.read, ".parquet": parquet.read}
    return readers.get(request.input.suffix.lower(), delimited.read)(replace(request, needs_images=False))


def _folders_below(image: Path, root: Path) -> list[Path]:
    return [path.relative_to(root) for path in (image, *image.parents) if path != root and path.is_relative_to(root)]


def _record(study: DicomStudy, root: Path) -> Record:
    source = study.images[0]
    return Record(
        id=_name(study),
        patient=study.header.patient,
        images=study.images,
        source=source.relative_to(root).as_posix() if source != root else source.name,
    )


def _name(study: DicomStudy) -> str:
    return study.header.accession or study.header.study or study.images[0].name


def _images(study: DicomStudy) -> str:
    return ";".join(map(str, study.images))
