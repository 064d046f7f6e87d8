"""Writes an nnU-Net raw dataset of report images, labelled by a trained network and checked by their reports."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from torch import Tensor
from tqdm import tqdm

from nnunetv2_mosmos.selftraining.agreement import ReportCheck, Said
from nnunetv2_mosmos.selftraining.network import Network
from nnunetv2_mosmos.selftraining.overlapped import overlapped
from nnunetv2_mosmos.selftraining.progress import Outcome, unfinished_dataset
from nnunetv2_mosmos.selftraining.scans import ENDINGS, UnfitImageError, write_scan
from pretraining.errors import UserError
from pretraining.studies.manifest import Study

RECORD = "mosmos_labels.json"
UNDER_WAY = "under_way"


@dataclass(frozen=True)
class Labelling:
    """What became of the images.

    Attributes:
        outcomes: one an image.
    """

    outcomes: Sequence[Outcome]

    @property
    def cases(self) -> list[Outcome]:
        """Of the images that are in the dataset."""
        return [outcome for outcome in self.outcomes if outcome.case is not None]

    @property
    def reasons(self) -> Counter[str]:
        """How many images are not in the dataset, by reason."""
        return Counter(outcome.reason for outcome in self.outcomes if outcome.reason is not None)

    def by_label(self, what: Literal["named", "found", "barred"]) -> Counter[str]:
        """Numbers of images by label.

        Args:
            what: `named`, by whose report; `found` by the network in those; `barred` by the report, though found.
        """
        return Counter(label for outcome in self.outcomes for label in getattr(outcome, what))

    def counts(self) -> dict[str, Any]:
        """Plain types: how many images are in the dataset and how many are not; by label, as above."""
        by_label = {what: dict(self.by_label(what)) for what in ("named", "found", "barred")}
        return {"images": len(self.cases), "rejected": self.reasons.total(), **by_label}


def label_images(
    network: Network,
    data: Path,
    studies: Sequence[Study],
    check: ReportCheck,
    folder: Path,
    origin: Mapping[str, Any] | None = None,
    workers: int = 0,
) -> Labelling:
    """Label every image whose report the check lets pass.

    The folder appears whole. Until then what is done lies in a hidden one beside it, and the same call goes on from it.

    Args:
        network: labels them.
        data: the prepared folder.
        studies: of it; at least one.
        check: by their reports.
        folder: `nnUNet_raw/DatasetXXX_Name`, which must not exist.
        origin: what else is noted beside the dataset, and must be the same for a call that goes on.
        workers: threads that read, resample and write images while the network labels another; the outcome is the same.

    Raises:
        UserError: the dataset's files are of a kind that these images cannot be written as, no image is left, or
            what is done was begun with other settings.
    """
    ending = network.dataset_json["file_ending"]
    if ending not in ENDINGS:
        raise UserError(
            f"the dataset's images end in {ending}: images of reports can be written as {', '.join(ENDINGS)}"
        )
    settings = {**(origin or {}), "regions": check.regions, "tolerated": check.tolerated}
    wanted, refused = _wanted(studies, check)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_dataset(folder, settings) as progress:
        for name in ("imagesTr", "labelsTr"):
            (progress.folder / name).mkdir(exist_ok=True)
        images = wanted[len(progress.outcomes) :]
        cases = len(Labelling(progress.outcomes).cases)
        shown = {"initial": len(progress.outcomes), "total": len(wanted), "disable": not wanted}
        labeller = _Labeller(network, data, check, progress.folder / UNDER_WAY)
        with labeller, closing(labeller.label(images, workers)) as labelled:
            for outcome, files in tqdm(labelled, desc="label", unit="image", **shown):
                if outcome.reason is None:
                    outcome = replace(outcome, case=f"report_{cases:06d}")
                    files.move(progress.folder, outcome.case)
                    cases += 1
                progress.add(outcome)
        labelling = Labelling([*refused, *progress.outcomes])
        if not cases:
            shutil.rmtree(progress.folder)
            reason = labelling.reasons.most_common(1)[0][0]
            raise UserError(f"no image could be labelled; of {labelling.reasons.total()}, most because {reason}")
        _describe(progress.folder, network, labelling, settings)
        progress.finish(folder)
    return labelling


def _wanted(studies: Sequence[Study], check: ReportCheck) -> tuple[list[tuple[Study, str]], list[Outcome]]:
    """Studies with each of their images, where the report may have something to say of the labels; and the others."""
    wanted: list[tuple[Study, str]] = []
    refused = []
    for study in studies:
        reason = check.refusal(study)
        if reason is None and len(study.images) > 1:
            # What is in one of several images, the report does not say.
            reason = f"its report is of {len(study.images)} images"
        for image in study.images:
            if reason is None:
                wanted.append((study, image))
            else:
                refused.append(Outcome(study.id, image, reason=reason))
    return wanted, refused


@dataclass(frozen=True)
class _Files:
    """Those of an image of which nobody knows yet whether it becomes a case.

    Attributes:
        folder: where they are.
        name: of the image, in the place of a case's.
        channels, ending: of the dataset's images.
    """

    folder: Path
    name: str
    channels: int
    ending: str

    @property
    def images(self) -> list[Path]:
        return [self.folder / f"{self.name}_{channel:04d}{self.ending}" for channel in range(self.channels)]

    @property
    def labels(self) -> Path:
        return self.folder / f"{self.name}{self.ending}"

    def move(self, dataset: Path, case: str) -> None:
        """Make them a case of a raw dataset."""
        for file in self.images:
            file.replace(dataset / "imagesTr" / file.name.replace(self.name, case, 1))
        self.labels.replace(dataset / "labelsTr" / self.labels.name.replace(self.name, case, 1))

    def remove(self) -> None:
        for file in self.images:
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class _UnderWay:
    """An image between two steps.

    Attributes:
        outcome: so far; nothing more is done with it once it has a reason.
        files: its own.
        said: by its report.
        values: of the image, then its logits.
        properties: nnU-Net's.
    """

    outcome: Outcome
    files: _Files
    said: Said = field(default_factory=Said)
    values: Tensor | None = None
    properties: dict[str, Any] = field(default_factory=dict)


class _Labeller:
    """Writes images and their segmentations, without what their reports rule out, into a folder of its own."""

    def __init__(self, network: Network, data: Path, check: ReportCheck, folder: Path) -> None:
        self._network = network
        self._data = data
        self._check = check
        self._folder = folder

    def __enter__(self) -> None:
        # An earlier call may have been killed.
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()

    def __exit__(self, *exception: object) -> None:
        shutil.rmtree(self._folder)

    def label(self, images: Sequence[tuple[Study, str]], workers: int) -> Generator[tuple[Outcome, _Files], None, None]:
        """Outcomes in the order of the images, and the files of those without a reason to leave them out."""
        return overlapped(self._read, self._predict, self._write, enumerate(images), workers)

    def _read(self, numbered: tuple[int, tuple[Study, str]]) -> _UnderWay:
        number, (study, image) = numbered
        lie = self._network.lie
        files = _Files(self._folder, f"{number:06d}", lie.channels, self._network.dataset_json["file_ending"])
        outcome = Outcome(study.id, image)
        try:
            write_scan(self._data / image, study.modality, lie, files.images)
        except UnfitImageError as unfit:
            return _UnderWay(replace(outcome, reason=str(unfit)), files)
        return _UnderWay(outcome, files, self._check.said(study), *self._network.read(files.images))

    def _predict(self, image: _UnderWay) -> _UnderWay:
        return image if image.values is None else replace(image, values=self._network.predict(image.values))

    def _write(self, image: _UnderWay) -> tuple[Outcome, _Files]:
        if image.values is None:
            image.files.remove()
            return image.outcome, image.files
        said, network = image.said, self._network
        segmentation, ruled_out = network.segment(image.values, image.properties, without=said.absent)
        found = network.shown(segmentation)
        outcome = replace(
            image.outcome,
            named=tuple(sorted(said.present)),
            found=tuple(sorted(said.present & found)),
            barred=tuple(sorted(ruled_out)),
            reason=self._check.disagreement(said, found),
        )
        if outcome.reason is None:
            network.write(segmentation, image.files.labels, image.properties)
        else:
            image.files.remove()
        return outcome, image.files


def _describe(folder: Path, network: Network, labelling: Labelling, settings: Mapping[str, Any]) -> None:
    kept = ("channel_names", "labels", "regions_class_order", "file_ending", "overwrite_image_reader_writer")
    description = {name: network.dataset_json[name] for name in kept if name in network.dataset_json}
    _write_json(folder / "dataset.json", {**description, "numTraining": len(labelling.cases)})
    _write_json(folder / RECORD, {**settings, **labelling.counts()})
    _write_table(folder / "cases.csv", labelling.cases, "case", "study", "image")
    rejects = [outcome for outcome in labelling.outcomes if outcome.case is None]
    _write_table(folder / "rejects.csv", rejects, "study", "image", "reason")


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_table(file: Path, outcomes: Sequence[Outcome], *columns: str) -> None:
    with file.open("w", encoding="utf-8", newline="") as open_file:
        writer = csv.DictWriter(open_file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(map(asdict, outcomes))
