"""Writes an nnU-Net raw dataset of report images, labelled by a trained network and checked by their reports."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from nnunetv2_mosmos.labels.tags import foreground_labels
from nnunetv2_mosmos.selftraining.agreement import ReportCheck
from nnunetv2_mosmos.selftraining.network import Network
from nnunetv2_mosmos.selftraining.scans import ENDINGS, UnfitImageError, write_scan
from pretraining.errors import UserError
from pretraining.studies.manifest import Study

RECORD = "mosmos_labels.json"


@dataclass
class Labelling:
    """What became of the images.

    Attributes:
        cases: name of each case, with its study and image.
        rejects: study, image and reason of each image that is not in the dataset.
        named, found, barred: by label, the number of images looked at whose report names it, of those of them in which
            the network finds it, and of those in which the report rules out what the network finds.
    """

    cases: dict[str, tuple[str, str]] = field(default_factory=dict)
    rejects: list[tuple[str, str, str]] = field(default_factory=list)
    named: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    barred: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, Any]:
        """Plain types: how many images are in the dataset and how many are not; by label, as above."""
        by_label = {name: dict(getattr(self, name)) for name in ("named", "found", "barred")}
        return {"images": len(self.cases), "rejected": len(self.rejects), **by_label}


def label_images(
    network: Network,
    data: Path,
    studies: Sequence[Study],
    check: ReportCheck,
    folder: Path,
    origin: Mapping[str, Any] | None = None,
) -> Labelling:
    """Label every image whose report the check lets pass. The folder appears whole or not at all.

    Args:
        network: labels them.
        data: the prepared folder.
        studies: of it.
        check: by their reports.
        folder: `nnUNet_raw/DatasetXXX_Name`, which must not exist.
        origin: what else is noted beside the dataset.

    Raises:
        UserError: the dataset's files are of a kind that these images cannot be written as, or no image is left.
    """
    ending = network.dataset_json["file_ending"]
    if ending not in ENDINGS:
        raise UserError(
            f"the dataset's images end in {ending}: images of reports can be written as {', '.join(ENDINGS)}"
        )
    labelling = Labelling()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        unfinished = Path(scratch) / folder.name
        for name in ("imagesTr", "labelsTr"):
            (unfinished / name).mkdir(parents=True)
        wanted = list(_wanted(studies, check, labelling))
        for study, image in tqdm(wanted, desc="label", unit="image", disable=not wanted):
            case = f"report_{len(labelling.cases):06d}"
            files = [
                unfinished / "imagesTr" / f"{case}_{channel:04d}{ending}" for channel in range(network.lie.channels)
            ]
            try:
                write_scan(data / image, study.modality, network.lie, files)
                segmentation, properties = _segment(network, files, check, study, labelling)
            except UnfitImageError as reason:
                for file in files:
                    file.unlink(missing_ok=True)
                labelling.rejects.append((study.id, image, str(reason)))
                continue
            network.write(segmentation, unfinished / "labelsTr" / f"{case}{ending}", properties)
            labelling.cases[case] = (study.id, image)
        if not labelling.cases:
            reasons = Counter(reason for _, _, reason in labelling.rejects)
            raise UserError(
                f"no image could be labelled; of {len(labelling.rejects)}, most because {reasons.most_common(1)[0][0]}"
            )
        _describe(unfinished, network, labelling, check, origin or {})
        unfinished.rename(folder)
    return labelling


def _wanted(studies: Sequence[Study], check: ReportCheck, labelling: Labelling) -> Iterator[tuple[Study, str]]:
    """Studies with each of their images, where the report may have something to say of the labels."""
    for study in studies:
        refusal = check.refusal(study)
        if refusal is None and len(study.images) > 1:
            # What is in one of several images, the report does not say.
            refusal = f"its report is of {len(study.images)} images"
        for image in study.images:
            if refusal is None:
                yield study, image
            else:
                labelling.rejects.append((study.id, image, refusal))


def _segment(
    network: Network, files: Sequence[Path], check: ReportCheck, study: Study, labelling: Labelling
) -> tuple[NDArray[Any], dict[str, Any]]:
    """An image's segmentation without what its report rules out.

    Raises:
        UnfitImageError: it disagrees with the report.
    """
    said = check.said(study)
    image, properties = network.read(files)
    segmentation = network.segment(image, properties)
    found = _shown(segmentation, network)
    if ruled_out := found & said.absent:
        labelling.barred.update(ruled_out)
        segmentation = network.segment(image, properties, without=said.absent)
        found = _shown(segmentation, network)
    labelling.named.update(said.present)
    labelling.found.update(said.present & found)
    if (reason := check.disagreement(said, found)) is not None:
        raise UnfitImageError(reason)
    return segmentation, properties


def _shown(segmentation: NDArray[Any], network: Network) -> set[str]:
    values = set(np.unique(segmentation).tolist())
    return {
        name for name, own in foreground_labels(network.dataset_json["labels"]).items() if not values.isdisjoint(own)
    }


def _describe(
    folder: Path,
    network: Network,
    labelling: Labelling,
    check: ReportCheck,
    origin: Mapping[str, Any],
) -> None:
    kept = ("channel_names", "labels", "regions_class_order", "file_ending", "overwrite_image_reader_writer")
    description = {name: network.dataset_json[name] for name in kept if name in network.dataset_json}
    _write_json(folder / "dataset.json", {**description, "numTraining": len(labelling.cases)})
    record = {**origin, "regions": check.regions, "tolerated": check.tolerated, **labelling.counts()}
    _write_json(folder / RECORD, record)
    _write_table(folder / "cases.csv", ("case", "study", "image"), [(c, *s) for c, s in labelling.cases.items()])
    _write_table(folder / "rejects.csv", ("study", "image", "reason"), labelling.rejects)


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_table(file: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as open_file:
        writer = csv.writer(open_file)
        writer.writerow(header)
        writer.writerows(rows)
