"""Writes a downloaded dataset as an nnU-Net raw dataset."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from nibabel.nifti1 import Nifti1Image
from tqdm import tqdm

from nnunetv2_mosmos.convert.check import RejectedCaseError, check_case, read_values
from nnunetv2_mosmos.convert.source import Case, Source
from pretraining.errors import UserError


@dataclass(frozen=True)
class Conversion:
    """What became of a download.

    Attributes:
        folder: the nnU-Net raw dataset.
        training: number of training cases.
        test: number of test cases.
        rejects: name and reason of each case that stayed behind.
        slips: names of the cases in which a known error of the publication was mended.
    """

    folder: Path
    training: int
    test: int
    rejects: tuple[tuple[str, str], ...]
    slips: tuple[str, ...]


def convert(source: Source, folder: Path, link: bool = False) -> Conversion:
    """Check all cases, then write those that are sound. The folder appears whole or not at all.

    Args:
        source: the download.
        folder: `nnUNet_raw/DatasetXXX_Name`, which must not exist.
        link: link to the download's files instead of copying them, where they can stay as they are.

    Raises:
        UserError: a name occurs twice, a label value is unknown, or no training case is sound.
    """
    repeated = [name for name, count in Counter(case.name for case in source.training).items() if count > 1]
    if repeated:
        raise UserError(f"several training cases are called {repeated[0]}: leave one copy in the folder of --input")
    rejects: list[tuple[str, str]] = []
    training, slips = _sound(source.training, source, rejects)
    test, _ = _sound(source.test, source, rejects)
    if not training:
        reason = f"; {rejects[0][0]}: {rejects[0][1]}" if rejects else ""
        raise UserError(f"the download has no training case to convert{reason}: unpack all of it again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        unfinished = Path(scratch) / folder.name
        _write(unfinished, source, training, test, link)
        _write_rejects(unfinished, rejects)
        unfinished.rename(folder)
    return Conversion(folder, len(training), len(test), tuple(rejects), slips)


def _sound(cases: Sequence[Case], source: Source, rejects: list[tuple[str, str]]) -> tuple[list[Case], tuple[str, ...]]:
    """The cases that can be converted, and the names of those with slips; adds the others to the rejects."""
    sound, slips = [], []
    for case in tqdm(cases, desc="check", disable=not cases):
        try:
            values = check_case(case, source)
        except RejectedCaseError as rejected:
            rejects.append((case.name, str(rejected)))
            continue
        sound.append(case)
        if values & source.slips.keys():
            slips.append(case.name)
    return sound, tuple(slips)


def _write(folder: Path, source: Source, training: Sequence[Case], test: Sequence[Case], link: bool) -> None:
    from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

    for cases, images in ((training, "imagesTr"), (test, "imagesTs")):
        if cases:
            (folder / images).mkdir(parents=True)
        for case in tqdm(cases, desc=images, disable=not cases):
            for channel, image in enumerate(case.images):
                _place(image, folder / images / f"{case.name}_{channel:04d}.nii.gz", link)
    (folder / "labelsTr").mkdir()
    for case in tqdm(training, desc="labelsTr"):
        assert case.label is not None
        _place_label(case.label, folder / "labelsTr" / f"{case.name}.nii.gz", source, link)
    generate_dataset_json(
        str(folder),
        channel_names=dict(enumerate(source.channels)),
        labels=dict(source.labels),
        num_training_cases=len(training),
        file_ending=".nii.gz",
        regions_class_order=source.region_order,
        dataset_name=folder.name,
        reference=source.reference,
        overwrite_image_reader_writer=source.reader,
        license=f"see {source.reference}",
        converted_by="nnUNetv2_mosmos_convert",
    )


def _place(file: Path, target: Path, link: bool) -> None:
    if file.suffix != ".gz":
        with file.open("rb") as plain, gzip.open(target, "wb") as compressed:
            shutil.copyfileobj(plain, compressed)
    elif link:
        target.symlink_to(file.resolve())
    else:
        shutil.copyfile(file, target)


def _place_label(file: Path, target: Path, source: Source, link: bool) -> None:
    """Labels whose values stay what they are need no new file."""
    if all(before == after for before, after in source.values.items()):
        _place(file, target, link)
        return
    values = read_values(file)
    converted = np.zeros(values.shape, np.uint8)
    for before, after in source.conversions.items():
        converted[values == before] = after
    original = Nifti1Image.from_filename(file)
    image = Nifti1Image(converted, original.affine, original.header)
    image.set_data_dtype(np.uint8)
    image.to_filename(target)


def _write_rejects(folder: Path, rejects: Sequence[tuple[str, str]]) -> None:
    with (folder / "rejects.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "reason"])
        writer.writerows(rejects)
