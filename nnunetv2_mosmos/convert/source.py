"""What a downloaded dataset holds: its cases, and what the values in its labels mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pretraining.errors import UserError

Modality = Literal["ct", "mr", "both"]

# nnU-Net normalizes a channel that is named CT by Hounsfield units, and any other by its own mean.
CHANNELS: Mapping[Modality, str] = {"ct": "CT", "mr": "MR", "both": "either_CT_or_MR"}


@dataclass(frozen=True)
class Case:
    """One patient's volumes.

    Attributes:
        name: identifier in the nnU-Net dataset.
        images: a file for each channel; files may be missing.
        label: its segmentation, which may be missing; None for a test case.
    """

    name: str
    images: tuple[Path, ...]
    label: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A downloaded dataset.

    Attributes:
        title: its name behind nnU-Net's number.
        channels: names of the images of a case.
        labels: `dataset.json`'s `labels`: a value, or for a region several.
        values: nnU-Net's value of every value in the label files.
        slips: values that are known errors of the published files, with what they should be.
        reference: where it comes from.
        training: cases with labels.
        test: cases without.
        region_order: `dataset.json`'s `regions_class_order`, where labels are regions.
        reader: the class of nnU-Net that has to read the files, where it is not the usual one.
    """

    title: str
    channels: tuple[str, ...]
    labels: Mapping[str, int | tuple[int, ...]]
    values: Mapping[int, int]
    slips: Mapping[int, int] = field(default_factory=dict)
    reference: str
    training: tuple[Case, ...]
    test: tuple[Case, ...] = ()
    region_order: tuple[int, ...] | None = None
    reader: str | None = None

    @property
    def conversions(self) -> dict[int, int]:
        """nnU-Net's value of every value that a label file may have, slips included."""
        return {**self.values, **{slip: self.values[meant] for slip, meant in self.slips.items()}}


@dataclass(frozen=True)
class Dataset:
    """A public dataset that can be converted.

    Attributes:
        modalities: the selections of images that it offers.
        read: finds a selection's cases in a download.
    """

    modalities: tuple[Modality, ...]
    read: Callable[[Path, Modality], Source]


def titled(name: str, modality: Modality) -> str:
    """The title of a selection by modality: `AMOS22_CT`; `AMOS22` is the whole."""
    return name if modality == "both" else f"{name}_{CHANNELS[modality]}"


def find_below(folder: Path, relative: str) -> Path:
    """Where a download keeps something, however many of its outer folders the user unpacked.

    Args:
        folder: what the user gave.
        relative: a path that the download has in `folder`, or at most two folders deeper.

    Raises:
        UserError: it is nowhere, or at several places.
    """
    places = [path for depth in ("", "*/", "*/*/") for path in sorted(folder.glob(depth + relative))]
    # Archives that were packed on a Mac hold a shadow of each file there.
    found = [path for path in places if "__MACOSX" not in path.parts]
    if not found:
        raise UserError(f"{folder} holds no {relative}: give the folder of the unpacked download with --input")
    if len(found) > 1:
        listed = ", ".join(str(path) for path in found)
        raise UserError(f"{folder} holds {relative} more than once ({listed}): give --input the folder of one")
    return found[0]


def volume(folder: Path, stem: str) -> Path:
    """The NIfTI file of that name, compressed or not; it may be missing."""
    uncompressed = folder / f"{stem}.nii"
    return uncompressed if uncompressed.is_file() else folder / f"{stem}.nii.gz"


def identifiers(folder: Path, before: str, after: str = "") -> set[str]:
    """What stands between `before` and `after` in the names of a folder's NIfTI files."""
    stems = (stem_of(file) for file in folder.glob("*.nii*"))
    return {
        stem.removeprefix(before).removesuffix(after)
        for stem in stems
        if stem.startswith(before) and stem.endswith(after)
    }


def stem_of(file: Path) -> str:
    """The name of a NIfTI file without its suffixes."""
    return file.name.removesuffix(".gz").removesuffix(".nii")
