"""Records into studies: ids, several images of one report, several reports of one image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pretraining.studies.records import Record, Reject


def merge_records(entries: Iterable[Record | Reject]) -> tuple[list[Record], list[Reject]]:
    """Merge the records that belong to one study.

    Records with one id and one report (or with the report on only one of them) are several images of that report.
    Records without an id are named after their first image; those of one image are several reports about it. Anything
    else that shares an id is a duplicate and is rejected.

    Args:
        entries: what a reader yields.

    Returns:
        One record a study, each with an id; and all rejects, the reader's included.
    """
    studies: dict[str, Record] = {}
    rejects: list[Reject] = []
    names = ImageNames()
    for entry in entries:
        if isinstance(entry, Reject):
            rejects.append(entry)
            continue
        named = bool(entry.id)
        record = entry if named else replace(entry, id=names.name(entry.images[0]).encode("utf-8", "replace").decode())
        known = studies.get(record.id)
        if known is None:
            studies[record.id] = record
            continue
        merged = _more_images(known, record) if named else _more_reports(known, record)
        if isinstance(merged, str):
            rejects.append(Reject(record.id, _joined(record.images), merged))
        else:
            studies[record.id] = merged
    return list(studies.values()), rejects


class ImageNames:
    """Short, unique names for images: the first of one file name gets it, others have their folders put before it."""

    def __init__(self) -> None:
        self._owners: dict[str, Path] = {}

    def name(self, image: Path) -> str:
        """The image's name: always the same for the same path."""
        parts = [*image.parts[:-1], image_stem(image)]
        for length in range(1, len(parts) + 1):
            candidate = "__".join(part.strip("/\\:") for part in parts[-length:])
            if self._owners.setdefault(candidate, image) == image:
                return candidate
        raise AssertionError(f"{image} has no name of its own")


def image_stem(image: Path) -> str:
    """The file name without its suffix, `.nii.gz` as one."""
    name = image.name
    return Path(name.removesuffix(".gz")).stem if name.lower().endswith(".nii.gz") else image.stem


def _more_images(known: Record, record: Record) -> Record | str:
    """`known` with the images of `record`, or why that cannot be."""
    if record.report.strip() and known.report.strip() and record.report.strip() != known.report.strip():
        return f"duplicated id '{record.id}': {known.source} has it already, with another report"
    if record.patient and known.patient and record.patient != known.patient:
        return f"duplicated id '{record.id}': {known.source} has it already, for another patient"
    if record.split != known.split:
        return f"duplicated id '{record.id}': {known.source} has it already, in another split"
    if set(record.images) & set(known.images):
        return f"duplicated id '{record.id}': {known.source} is the same entry"
    if bool(record.masks) != bool(known.masks):
        # Masks stand beside their images: fill up where only some images have one.
        known = replace(known, masks=known.masks or (None,) * len(known.images))
        record = replace(record, masks=record.masks or (None,) * len(record.images))
    return replace(
        known,
        images=known.images + record.images,
        masks=known.masks + record.masks,
        report=known.report if known.report.strip() else record.report,
        patient=known.patient or record.patient,
        regions=tuple(dict.fromkeys(known.regions + record.regions)),
        modality=known.modality or record.modality,
        flags=tuple(dict.fromkeys(known.flags + record.flags)),
    )


def _more_reports(known: Record, record: Record) -> Record | str:
    """`known` with the report of `record` about the same image, or why that cannot be."""
    if record.images != known.images:
        name = record.images[0].name
        return f"image '{name}' is already at {known.source}, among other images: give the studies ids (--id-column)"
    if record.report.strip() in (known.report.strip(), *known.report.split("\n")):
        return f"duplicated entry: {known.source} has the same image and report"
    if record.split != known.split:
        return f"image '{record.images[0].name}' is already at {known.source}, in another split"
    return replace(
        known,
        report=f"{known.report}\n{record.report}".strip(),
        regions=tuple(dict.fromkeys(known.regions + record.regions)),
        flags=tuple(dict.fromkeys(known.flags + record.flags)),
    )


def _joined(images: Iterable[Path]) -> str:
    return ";".join(str(image) for image in images)
