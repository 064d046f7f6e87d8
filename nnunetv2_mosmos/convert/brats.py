"""BraTS: four MR sequences of gliomas with overlapping tumor regions (2018 to 2021, and 2023 with its new names)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nnunetv2_mosmos.convert.source import Case, Dataset, Modality, Source, stem_of, volume
from pretraining.errors import UserError

# nnU-Net's values.
EDEMA, NECROSIS, ENHANCING = 1, 2, 3


@dataclass(frozen=True)
class Naming:
    """How a year names its files and numbers its labels.

    Attributes:
        endings: what follows a case's name in those of T1, T1 with contrast, T2 and FLAIR.
        label: likewise for the segmentation.
        enhancing: value of enhancing tumor; necrosis is 1 and edema 2 in all years.
    """

    endings: tuple[str, ...]
    label: str
    enhancing: int


NAMINGS = (
    Naming(("_t1", "_t1ce", "_t2", "_flair"), "_seg", 4),
    Naming(("-t1n", "-t1c", "-t2w", "-t2f"), "-seg", 3),
)


def read(folder: Path, modality: Modality) -> Source:
    """Find the folders of the cases, however deep (HGG, LGG): their files begin with the folder's name.

    The order of the sequences and the regions are those of nnU-Net's own scripts (`Dataset137_BraTS21`).

    Args:
        folder: holds the folders of the training cases.
        modality: MR.

    Raises:
        UserError: no case, or names of different years.
    """
    found = {naming: cases for naming in NAMINGS if (cases := _case_folders(folder, naming))}
    if len(found) != 1:
        what = "the names of BraTS 2021 beside those of 2023, whose values differ" if found else "no case of BraTS"
        raise UserError(f"{folder} holds {what}: give the folder of one year's training cases with --input")
    ((naming, cases),) = found.items()
    return Source(
        title="BraTS",
        channels=("T1", "T1ce", "T2", "Flair"),
        labels={
            "background": 0,
            "whole tumor": (EDEMA, NECROSIS, ENHANCING),
            "tumor core": (NECROSIS, ENHANCING),
            "enhancing tumor": (ENHANCING,),
        },
        region_order=(EDEMA, NECROSIS, ENHANCING),
        values={0: 0, 1: NECROSIS, 2: EDEMA, naming.enhancing: ENHANCING},
        reference="https://www.synapse.org/brats",
        training=tuple(_case(case, naming) for case in cases),
    )


def _case_folders(folder: Path, naming: Naming) -> list[Path]:
    """The folders with any file of a case: what is missing from one is told later."""
    endings = (*naming.endings, naming.label)
    files = [file for file in folder.rglob("*.nii*") if stem_of(file) in {file.parent.name + end for end in endings}]
    return sorted({file.parent for file in files})


def _case(folder: Path, naming: Naming) -> Case:
    name = folder.name
    images = tuple(volume(folder, name + ending) for ending in naming.endings)
    return Case(name, images, volume(folder, name + naming.label))


BRATS = Dataset(("mr",), read)
