"""The options of `mosmos_pretrain prepare`, their defaults and their meaning."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pretraining.errors import UserError
from pretraining.studies.columns import Columns
from pretraining.studies.modalities import modality_code
from pretraining.studies.readers.request import ReadRequest

Format = Literal["auto", "csv", "jsonl", "parquet", "roco", "iu-xray", "mimic-cxr", "ct-rate", "dicom", "images"]


@dataclass(frozen=True, kw_only=True)
class PrepareOptions:
    """Read images and their reports, mine organ tags, and write a prepared folder for training."""

    input: Path
    """Table of studies (CSV, TSV, JSONL, Parquet), or the top folder of a corpus."""
    output: Path
    """Prepared folder to write. A second run on it does only what is new."""
    image_root: Path | None = None
    """Folder that image paths start from. Default: the folder of --input."""
    format: Format = "auto"
    """What --input is. `auto` goes by its name; `csv` is TSV too; `images` is a folder of images without reports."""
    images_only: bool = False
    """Take studies without reports (for reconstruction and evaluation)."""
    pattern: str = "*"
    """For a folder of images (--format images): which of them to take, e.g. `*_ct*.nii.gz`."""
    mask_root: Path | None = None
    """Folder that mask paths start from; for a folder of images, where masks lie at their paths or bear their names."""
    id_column: str = ""
    """Column of study ids. Columns are guessed from their names where not given; the guesses are printed."""
    patient_column: str = ""
    """Column of patient ids."""
    patient_pattern: str = ""
    """Where no column names patients: a regular expression; its first group in an image's path is the patient id."""
    image_column: str = ""
    """Column of image paths; several in one cell are separated by `;` or `|`, or are a JSON list."""
    report_column: str = ""
    """Column of whole reports."""
    findings_column: str = ""
    """Column of findings, where a report is in parts."""
    impression_column: str = ""
    """Column of impressions, where a report is in parts."""
    region_column: str = ""
    """Column of body regions; it overrides the regions mined from the text."""
    modality_column: str = ""
    """Column of modalities."""
    split_column: str = ""
    """Column that says train, val or test."""
    mask_column: str = ""
    """Column of label images, kept in the images' geometry for evaluation."""
    modality: str = ""
    """Modality of all images, where neither table nor files say it, e.g. CT (kept in HU), MR, XR."""
    dim: Literal["auto", "2", "3"] = "auto"
    """Dimension of the images to take. `auto`: that of most of them."""
    target_spacing: tuple[float, ...] = ()
    """Spacing in mm for 3D, in array order (z y x), or one number for all axes. Default: keep each image's own."""
    max_side: int = 512
    """Longest side of a 2D image, in pixels; larger ones shrink, aspect kept."""
    val_fraction: float = 0.1
    """Share of patients for validation."""
    test_fraction: float = 0.1
    """Share of patients for testing."""
    seed: int = 0
    """Another seed, another split. New patients do not move old ones, but where so few are given that validation or
    testing would be empty: then the split of one patient depends on the others."""
    workers: int = min(8, os.cpu_count() or 1)
    """Processes that read images."""
    vocabulary: Path | None = None
    """Tag vocabulary; with `extends: en` in it, it adds to the packaged English one, else it replaces it."""

    def validated(self) -> PrepareOptions:
        """The same options, checked before any work.

        Raises:
            UserError: names the option and the fix.
        """
        if not (
            0 <= self.val_fraction < 1 and 0 <= self.test_fraction < 1 and self.val_fraction + self.test_fraction < 1
        ):
            raise UserError(
                "--val-fraction and --test-fraction must be 0 or more and below 1 together: some studies have to train"
            )
        if len(self.target_spacing) not in (0, 1, 3) or not all(0 < x < float("inf") for x in self.target_spacing):
            raise UserError(
                f"--target-spacing takes three positive numbers in mm (z y x), or one; it got {self.target_spacing}"
            )
        try:
            groups = re.compile(self.patient_pattern).groups
        except re.error as error:
            raise UserError(
                f"--patient-pattern '{self.patient_pattern}' is not a regular expression ({error})"
            ) from error
        if self.patient_pattern and groups < 1:
            raise UserError(f"--patient-pattern '{self.patient_pattern}' needs a group, as in '^(SC-[A-Z]+-[0-9]+)'")
        if self.max_side < 16:
            raise UserError(f"--max-side must be at least 16 pixels; it is {self.max_side}")
        if self.output.exists() and not self.output.is_dir():
            raise UserError(f"{self.output} is a file (--output): name a folder")
        return self

    @property
    def request(self) -> ReadRequest:
        """What the reader is asked for."""
        columns = Columns(
            id=self.id_column,
            patient=self.patient_column,
            image=self.image_column,
            report=self.report_column,
            findings=self.findings_column,
            impression=self.impression_column,
            region=self.region_column,
            modality=self.modality_column,
            split=self.split_column,
            mask=self.mask_column,
        )
        return ReadRequest(self.input, self.image_root, self.mask_root, columns, self.images_only, self.pattern)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The target spacing, one number an axis; empty to keep."""
        return self.target_spacing * 3 if len(self.target_spacing) == 1 else self.target_spacing

    @property
    def modality_code(self) -> str:
        """The modality of all images, as a code."""
        return modality_code(self.modality)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, for `prepare.json`."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
