"""Which column of a table holds what: chosen by option, or guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from pretraining.errors import UserError


@dataclass(frozen=True)
class Columns:
    """Column names; empty where the table has none.

    Attributes:
        report: the whole report. Where there is none, the parts below are joined under their headings.
        history: indication and clinical history. `technique`, `findings` and `impression` likewise.
    """

    id: str = ""
    patient: str = ""
    image: str = ""
    report: str = ""
    history: str = ""
    technique: str = ""
    findings: str = ""
    impression: str = ""
    region: str = ""
    modality: str = ""
    split: str = ""
    mask: str = ""

    def describe(self) -> str:
        """`image <- filename, report <- clinical_notes`, for the notice that says what was guessed."""
        return ", ".join(
            f"{field.name} <- {getattr(self, field.name)}" for field in fields(self) if getattr(self, field.name)
        )


# In order of preference; compared without case, spaces and underscores.
_NAMES = {
    "id": (
        "id", "study_id", "study", "study_instance_uid", "uid", "case_id", "case", "accession", "accession_number",
        "roco_id",
    ),
    "patient": ("patient", "patient_id", "pid", "subject", "subject_id"),
    "image": (
        "image", "images", "image_path", "image_paths", "path", "image_file", "filename", "file", "filepath", "img",
        "img_path", "volume", "volume_name", "dicom_path", "dicom_folder", "pmc_figure",
    ),
    "report": ("report", "report_text", "text", "caption", "clinical_notes", "notes", "description", "narrative"),
    "history": ("history", "clinical_history", "indication", "clinicalinformation_en", "clinical_information"),
    "technique": ("technique", "technique_en"),
    "findings": ("findings", "findings_en", "report_findings"),
    "impression": ("impression", "impressions", "impressions_en", "impression_en", "conclusion", "report_impression"),
    "region": ("region", "regions", "body_region", "body_part", "body_part_examined", "anatomy"),
    "modality": ("modality", "imaging_modality"),
    "split": ("split", "subset", "partition"),
    "mask": ("mask", "masks", "mask_path", "segmentation", "label_path"),
}  # fmt: skip


def resolve_columns(header: Sequence[str], chosen: Columns, where: str) -> Columns:
    """Complete the chosen columns by guesses.

    Args:
        header: the table's column names.
        chosen: what the options name; these win.
        where: the table, for messages.

    Raises:
        UserError: a chosen column is not in the table, or a name stands twice in the header.
    """
    repeated = sorted({name for name in header if list(header).count(name) > 1})
    if repeated:
        raise UserError(f"{where}: the header names the column '{repeated[0]}' twice: rename one of them")
    guessed: dict[str, str] = {}
    by_plain_name = {_plain(name): name for name in reversed(header)}
    taken = {getattr(chosen, role) for role in _NAMES}
    for role, names in _NAMES.items():
        name = getattr(chosen, role)
        if name and name not in header:
            raise UserError(f"{where} has no column '{name}' (--{role}-column); it has: {', '.join(header)}")
        candidates = (by_plain_name.get(_plain(candidate), "") for candidate in names)
        guessed[role] = name or next((found for found in candidates if found and found not in taken), "")
        taken.add(guessed[role])
    return replace(chosen, **guessed)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
