"""The file that binds a bundle to a dataset: `nnUNet_preprocessed/DatasetX/mosmos.json`.

It imports no torch: the doctor reads it where torch is missing.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnunetv2_mosmos.labels.tags import foreground_labels
from pretraining.errors import UserError

if TYPE_CHECKING:
    from nnunetv2_mosmos.transfer.kernels import Inflation
    from pretraining.bundle.bundle import Bundle

ATTACHMENT_FILE = "mosmos.json"
FORMAT = "mosmos-attachment"
FORMAT_VERSION = 1
BUNDLE_VARIABLE = "MOSMOS_BUNDLE"


@dataclass(frozen=True)
class Attachment:
    """A bundle bound to a dataset.

    Attributes:
        bundle: the bundle's folder.
        sha256: hash of its weights.
        label_tags: tag of every foreground label, None for a label without a tag.
        inflation: how 2D kernels become 3D.
        force: transfer even where little fits.
    """

    bundle: Path
    sha256: str
    label_tags: Mapping[str, str | None]
    inflation: Inflation = "centre"
    force: bool = False


@dataclass(frozen=True)
class BoundBundle:
    """The bundle that a training uses, and where that was decided.

    Attributes:
        bundle: read and checked.
        attachment: the dataset's attachment, if it has one (it may name another bundle: `MOSMOS_BUNDLE` overrides it).
        notes: what the user should read.
    """

    bundle: Bundle
    attachment: Attachment | None
    notes: tuple[str, ...]


def write_attachment(folder: Path, attachment: Attachment) -> Path:
    """Write a dataset's attachment, whole or not at all.

    Args:
        folder: the dataset's folder in `nnUNet_preprocessed`; made where it does not exist.
        attachment: what to write.

    Returns:
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / ATTACHMENT_FILE
    values = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **asdict(attachment),
        "bundle": str(attachment.bundle),
    }
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")
    os.replace(unfinished, file)
    return file


def read_attachment(folder: Path) -> Attachment | None:
    """A dataset's attachment, or None where it has none.

    Raises:
        UserError: the file is damaged.
    """
    file = folder / ATTACHMENT_FILE
    if not file.is_file():
        return None
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if (values["format"], values["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise ValueError(f"format {values['format']} {values['format_version']}")
        return Attachment(
            Path(values["bundle"]), values["sha256"], values["label_tags"], values["inflation"], bool(values["force"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} cannot be read ({error}); run nnUNetv2_mosmos_attach again") from error


def changed_labels(attachment: Attachment, labels: Mapping[str, Any]) -> list[str]:
    """The foreground labels that either the attachment has or the dataset, sorted.

    Args:
        attachment: of the dataset.
        labels: `dataset.json`'s `labels` of today.
    """
    return sorted(foreground_labels(labels).keys() ^ attachment.label_tags.keys())


def attach_command(dataset: str, attachment: Attachment, labels: Iterable[str] | None = None) -> str:
    """The `nnUNetv2_mosmos_attach` that makes an attachment, for a shell.

    Args:
        dataset: number or name.
        attachment: what is to be made.
        labels: labels of the dataset; those of the attachment when omitted. Tags of others are left out.
    """
    label_tags = attachment.label_tags
    kept = {label: label_tags[label] for label in (label_tags if labels is None else labels) if label in label_tags}
    words = ["nnUNetv2_mosmos_attach", "-d", dataset, "-b", str(attachment.bundle)]
    for label, tag in kept.items():
        # A tag's own name needs no help.
        if tag is not None and tag != label:
            words += ["--map", f"{label}={tag}"]
    words += ["--allow-untagged"] if None in kept.values() else []
    words += ["--inflation", attachment.inflation] if attachment.inflation != "centre" else []
    words += ["--force"] if attachment.force else []
    return shlex.join(words)


def bound_bundle(folder: Path, trainer: str) -> BoundBundle:
    """The bundle that a training of a dataset starts from.

    Args:
        folder: the dataset's folder in `nnUNet_preprocessed`.
        trainer: name of the trainer that asks, for messages.

    Raises:
        UserError: no bundle is bound, or the one that is has changed, moved or cannot be read.
    """
    from pretraining.bundle.bundle import read_bundle

    attachment = read_attachment(folder)
    override = os.environ.get(BUNDLE_VARIABLE)
    if override:
        bundle = read_bundle(Path(override))
        note = f"{BUNDLE_VARIABLE} is set: using the bundle '{bundle.path.name}'"
        if attachment is not None:
            note += f" instead of the attached one, '{attachment.bundle.name}'"
        return BoundBundle(bundle, attachment, (note,))
    if attachment is None:
        raise UserError(
            f"{trainer} needs a bundle, and none is attached to {folder.name} nor named by {BUNDLE_VARIABLE}: run "
            f"`nnUNetv2_mosmos_attach -d {folder.name} -b BUNDLE`, "
            "or train nnUNetTrainerMOSMOS_scratch, which needs none"
        )
    bundle = read_bundle(attachment.bundle)
    if bundle.info.weights_sha256 != attachment.sha256:
        raise UserError(
            f"the bundle {attachment.bundle} is not the one that was attached to {folder.name} (its weights have "
            f"changed): run `{attach_command(folder.name, attachment)}` again"
        )
    return BoundBundle(bundle, attachment, (f"using the attached bundle '{bundle.path.name}'",))
