"""Writes an nnU-Net raw dataset of report images, labelled by a trained network and checked by their reports."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from nnunetv2_mosmos.selftraining.agreement import ReportCheck
from nnunetv2_mosmos.selftraining.network import Network
from nnunetv2_mosmos.selftraining.progress import Outcome, unfinished_dataset
from nnunetv2_mosmos.selftraining.scans import ENDINGS, UnfitImageError, write_scan
from pretraining.errors import UserError
from pretraining.studies.manifest import Study

RECORD = "mosmos_labels.json"


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
        for study, image in tqdm(images, desc="label", unit="image", **shown):
            outcome = _label(network, data, study, image, check, progress.folder, f"report_{cases:06d}")
            cases += outcome.case is not None
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


def _label(
    network: Network, data: Path, study: Study, image: str, check: ReportCheck, folder: Path, case: str
) -> Outcome:
    """Write an image and its segmentation, without what its report rules out, as a case; or say why not."""
    ending = network.dataset_json["file_ending"]
    files = [folder / "imagesTr" / f"{case}_{channel:04d}{ending}" for channel in range(network.lie.channels)]
    outcome = Outcome(study.id, image)
    try:
        write_scan(data / image, study.modality, network.lie, files)
        said = check.said(study)
        scan, properties = network.read(files)
        segmentation, ruled_out = network.segment(scan, properties, without=said.absent)
        found = network.shown(segmentation)
        outcome = replace(
            outcome,
            named=tuple(sorted(said.present)),
            found=tuple(sorted(said.present & found)),
            barred=tuple(sorted(ruled_out)),
        )
        if (reason := check.disagreement(said, found)) is not None:
            raise UnfitImageError(reason)
    except UnfitImageError as unfit:
        for file in files:
            file.unlink(missing_ok=True)
        return replace(outcome, reason=str(unfit))
    network.write(segmentation, folder / "labelsTr" / f"{case}{ending}", properties)
    return replace(outcome, case=case)


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
