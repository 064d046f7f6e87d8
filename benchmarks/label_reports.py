"""Pairs for trying 3D pretraining where volumes have labels and no reports: reports made from the labels.

    python -m benchmarks.label_reports --volumes volumes.csv --output FOLDER

The table has a line a volume: `image`, `labels` (its label image), `modality`, and `names`, the names of the labels
1, 2, 3, ... with `;` between them; empty where the label image is a NIfTI that holds its own table, as
TotalSegmentator writes it. Volumes are cut along z into overlapping blocks: the studies of one patient.

The folder gets `pairs.csv` and `images` for `mosmos_pretrain prepare`, and `masks` with `labels.json` for
`mosmos_pretrain evaluate --masks`. Such reports know what a labeller knew and are worded alike: they show that a path
runs, and no figure that they lead to says anything of real reports.
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
import tyro
from numpy.typing import NDArray

from pretraining.errors import UserError
from pretraining.studies.images.grid import upright
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images
from pretraining.studies.merge import ImageNames, image_stem
from pretraining.tags.vocabulary import Vocabulary, load_vocabulary

COLUMNS = ("image", "labels", "modality", "names")
PAIRS = ("id", "patient", "image", "report", "modality")


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    volumes: Path
    """Table of the volumes (CSV)."""
    output: Path
    """Folder for pairs and masks."""
    block_mm: float = 160.0
    """Height of a block; neighbors share half of it or more. A lower volume is one block."""


@dataclass(frozen=True)
class Volume:
    """A labelled volume, upright (LPS).

    Attributes:
        patient: the image file's name, without the channel number of nnU-Net's naming; with its folder's where another
            volume of the table has that name.
        image: as read.
        organs: the labels as tags, `1 + index in the vocabulary`; the numbering is the same in every volume.
        modality: as the table has it.
    """

    patient: str
    image: sitk.Image
    organs: sitk.Image
    modality: str


def read_volumes(table: Path, vocabulary: Vocabulary) -> Iterator[Volume]:
    """Read the volumes of a table, one at a time.

    Raises:
        UserError: the table or a file in it cannot be used.
    """
    try:
        rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines(), restval=""))
    except OSError as error:
        raise UserError(f"{table} cannot be read ({error.strerror})") from error
    if not rows or set(COLUMNS) - set(rows[0]) or not all(row["image"] and row["labels"] for row in rows):
        raise UserError(f"{table} needs a line a volume, with image and labels, below the header {','.join(COLUMNS)}")
    for row, patient in zip(rows, _patients(table, (Path(row["image"]) for row in rows)), strict=True):
        image, labels = (_read(Path(row[column])) for column in ("image", "labels"))
        if image.GetSize() != labels.GetSize():
            raise UserError(f"{row['labels']} has {labels.GetSize()} voxels, its image {image.GetSize()}")
        names = dict(enumerate(row["names"].split(";"), 1)) if row["names"] else own_names(Path(row["labels"]))
        unknown = [name for name in names.values() if name and vocabulary.resolve_label(name) is None]
        if unknown:
            raise UserError(
                f"no organ tag is named '{unknown[0]}' (labels of {row['labels']}): "
                "name it otherwise, or leave it out as the second one of liver;;spleen"
            )
        organs = sitk.GetImageFromArray(_as_tags(sitk.GetArrayFromImage(labels), names, vocabulary))
        organs.CopyInformation(labels)
        yield Volume(patient, image, organs, row["modality"])


def _patients(table: Path, images: Iterable[Path]) -> list[str]:
    """The images' patients, whose names are unique."""
    names = ImageNames()
    owners: dict[str, Path] = {}
    for image in images:
        patient = names.name(image.parent / f"{image_stem(image).removesuffix('_0000')}.nii.gz")
        if patient in owners:
            raise UserError(f"{table}: {owners[patient]} and {image} would be one patient: leave one of them out")
        owners[patient] = image
    return list(owners)


def _read(file: Path) -> sitk.Image:
    try:
        return upright(load_images(file)[0].pixels)[0]
    except UnusableImageError as error:
        raise UserError(f"{file}: {error}") from error


def own_names(file: Path) -> dict[int, str]:
    """The table of labels in a NIfTI's header extension.

    Raises:
        UserError: there is none.
    """
    header: Any = nibabel.load(file).header
    text = "".join(bytes(extension.get_content()).decode(errors="replace") for extension in header.extensions)
    found = re.findall(r'<Label Key="(\d+)"[^>]*><!\[CDATA\[(.*?)\]\]>', text)
    if not found:
        raise UserError(f"{file} has no table of its labels: name them in the column `names`, as in liver;spleen")
    return {int(value): name for value, name in found}


def _as_tags(labels: NDArray[Any], names: Mapping[int, str], vocabulary: Vocabulary) -> NDArray[np.uint16]:
    values = {tag: index for index, tag in enumerate(vocabulary.ids, 1)}
    lookup = np.zeros(max(int(labels.max()), *names) + 1, np.uint16)
    for value, name in names.items():
        lookup[value] = values.get(vocabulary.resolve_label(name) or "", 0)
    return lookup[labels.astype(np.int64)]


def block_slices(depth: int, spacing: float, height: float) -> list[slice]:
    """Slices along z of the blocks, evenly spread from the first to the last slice of a volume.

    Args:
        depth: slices of the volume.
        spacing: mm from slice to slice.
        height: of a block in mm.
    """
    size = min(depth, max(1, round(height / spacing)))
    count = 1 + math.ceil((depth - size) / (size / 2))
    # Blocks of one slice would repeat.
    starts = dict.fromkeys(np.linspace(0, depth - size, count).round().astype(int).tolist())
    return [slice(start, start + size) for start in starts]


def write_report(block: NDArray[Any], labelled: Iterable[int], voxel_ml: float, vocabulary: Vocabulary) -> str:
    """A sentence an organ.

    Args:
        block: `(Z, Y, X)`, organs as in `Volume`.
        labelled: the organs of the whole volume, the only ones to speak of: an organ without a voxel anywhere may be
            there and not labelled, but one that is labelled in another block is not in this one.
        voxel_ml: volume of a voxel.
        vocabulary: names the organs.
    """
    return " ".join(
        _sentence(vocabulary[vocabulary.ids[organ - 1]].names[0], block == organ, voxel_ml) for organ in labelled
    )


def _sentence(name: str, voxels: NDArray[np.bool_], voxel_ml: float) -> str:
    if not voxels.any():
        return f"The {name} is not in the field of view."
    seen = "partly seen" if voxels[[0, -1]].any() else "seen"
    amount = float(f"{voxels.sum() * voxel_ml:.1g}")
    return f"The {name} is {seen}, about {amount:g} ml."


def write_pairs(options: Options, vocabulary: Vocabulary) -> list[dict[str, str]]:
    """Write images, masks, labels and pairs; returns the pairs.

    Raises:
        UserError: a volume cannot be used.
    """
    images, masks = options.output / "images", options.output / "masks"
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    pairs, shown = [], set()
    for volume in read_volumes(options.volumes, vocabulary):
        organs = sitk.GetArrayFromImage(volume.organs)
        labelled = np.unique(organs[organs > 0]).tolist()
        shown.update(labelled)
        voxel_ml = math.prod(volume.image.GetSpacing()) / 1000
        for number, part in enumerate(block_slices(len(organs), volume.image.GetSpacing()[2], options.block_mm), 1):
            study = f"{volume.patient}_block{number}"
            for folder, source in ((images, volume.image), (masks, volume.organs)):
                sitk.WriteImage(source[:, :, part], str(folder / f"{study}.nii.gz"), useCompression=True)
            report = write_report(organs[part], labelled, voxel_ml, vocabulary)
            row = (study, volume.patient, f"images/{study}.nii.gz", report, volume.modality)
            pairs.append(dict(zip(PAIRS, row, strict=True)))
    labels = {vocabulary.ids[organ - 1]: organ for organ in sorted(shown)}
    (masks / "labels.json").write_text(json.dumps(labels, indent=1) + "\n", encoding="utf-8")
    with (options.output / "pairs.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, PAIRS)
        writer.writeheader()
        writer.writerows(pairs)
    return pairs


def main(options: Options) -> int:
    """Write the folder and say what is in it."""
    try:
        pairs = write_pairs(options, load_vocabulary())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    patients = len({pair["patient"] for pair in pairs})
    print(f"{len(pairs)} studies of {patients} patients, with reports made from labels: {options.output / 'pairs.csv'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
