"""What every reader yields: an entry of the input as a record, or the reason why it cannot be one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Record:
    """One entry of the input: a report and where its images are. Several records may make up one study.

    Attributes:
        id: study id; empty when the input has none, then the image's name becomes the id.
        patient: patient id; empty when the input has none, then the study is its own patient.
        images: image files, or folders of DICOM objects.
        report: the text as given; empty when there is none.
        regions: body regions that the input names; they override those of the text.
        modality: a code of `modalities.py`, or empty.
        split: `train`, `val`, `test`, or empty when the input does not say.
        masks: a label image for each of `images` (None where one has none), or nothing at all.
        source: file and line, for messages and the manifest.
        flags: what a person should look at.
    """

    id: str = ""
    patient: str = ""
    images: tuple[Path, ...] = ()
    report: str = ""
    regions: tuple[str, ...] = ()
    modality: str = ""
    split: str = ""
    masks: tuple[Path | None, ...] = ()
    source: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reject:
    """An entry that was not taken, and why. A line of `rejects.csv`.

    Attributes:
        id: the study's id, or where the entry stands when it has none.
        image: the image that is to blame; empty when the whole study is.
        reason: one sentence.
    """

    id: str
    image: str
    reason: str
