"""Bundles, and the datasets that they are attached to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunetv2_mosmos.doctor.finding import Finding
from pretraining.errors import UserError

if TYPE_CHECKING:
    from nnunetv2_mosmos.attach.attachment import Attachment
    from pretraining.bundle.info import BundleInfo

TRAINER = "nnUNetTrainerMOSMOS"


def check_bundle(folder: Path) -> list[Finding]:
    """Read a bundle whole, as attaching does.

    Args:
        folder: the bundle.
    """
    from pretraining.bundle.bundle import read_bundle

    try:
        bundle = read_bundle(folder)
    except UserError as error:
        return [Finding("problem", "bundle", str(error))]
    encoder = bundle.info.encoder
    seen = sum(tag.studies > 0 for tag in bundle.info.tags)
    text = f"{folder} is whole: {encoder.kind}, {encoder.dim}D, {seen} of {len(bundle.tag_ids)} tags seen in reports"
    return [Finding("ok", "bundle", text)]


def check_dataset(folder: Path) -> list[Finding]:
    """What a training of a dataset would meet: its plans, its attachment, the bundle behind it.

    Args:
        folder: the dataset's folder in `nnUNet_preprocessed`.
    """
    from nnunetv2_mosmos.attach.attachment import bound_bundle

    number = folder.name.split("_")[0].removeprefix("Dataset").lstrip("0")
    findings = _plans(folder, number)
    try:
        bound = bound_bundle(folder, TRAINER)
    except UserError as error:
        return [*findings, Finding("problem", folder.name, str(error))]
    findings += [Finding("ok", folder.name, note) for note in bound.notes]
    if bound.attachment is None:
        return findings
    file = folder / "dataset.json"
    if file.is_file():
        labels = json.loads(file.read_text(encoding="utf-8"))["labels"]
        findings += check_labels(bound.attachment, labels, folder.name)
    return findings + check_tags(bound.attachment.label_tags, bound.bundle.info, folder.name)


def _plans(folder: Path, number: str) -> list[Finding]:
    if any(_is_plans(file) for file in folder.glob("*.json")):
        return []
    remedy = f"nnUNetv2_plan_and_preprocess -d {number}"
    return [Finding("warning", folder.name, "is not planned and preprocessed yet", remedy)]


def _is_plans(file: Path) -> bool:
    """Plans may have any name."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return isinstance(content, dict) and "configurations" in content


def check_labels(attachment: Attachment, labels: Mapping[str, Any], dataset: str) -> list[Finding]:
    """The labels that were attached against those of today.

    Args:
        attachment: of the dataset.
        labels: `dataset.json`'s `labels`.
        dataset: its name.
    """
    from nnunetv2_mosmos.attach.attachment import attach_command, changed_labels

    changed = changed_labels(attachment, labels)
    if not changed:
        return []
    remedy = attach_command(dataset, attachment, labels)
    return [Finding("problem", dataset, f"its labels have changed since it was attached: {', '.join(changed)}", remedy)]


def check_tags(label_tags: Mapping[str, str | None], info: BundleInfo, dataset: str) -> list[Finding]:
    """Labels without a map, or with one that no report has trained.

    Args:
        label_tags: tag by foreground label.
        info: of the bundle.
        dataset: its name.
    """
    studies = {tag.id: tag.studies for tag in info.tags}
    without = [label for label, tag in label_tags.items() if tag is None]
    unseen = [label for label, tag in label_tags.items() if tag is not None and not studies.get(tag)]
    findings = []
    if without:
        text = f"no tag, and so no map, for {', '.join(without)}"
        findings.append(Finding("warning", dataset, text, "attach again with --map LABEL=TAG"))
    if unseen:
        text = f"no report of the pretraining mentions {', '.join(unseen)}: their maps are untrained"
        remedy = "pretrain on reports that do, or attach again with --map LABEL=TAG and a broader tag"
        findings.append(Finding("warning", dataset, text, remedy))
    return findings
