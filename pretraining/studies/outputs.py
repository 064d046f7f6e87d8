"""What a prepared folder says about itself: vocabulary.json, rejects.csv, prepare.json, prepare.html."""

from __future__ import annotations

import csv
import json
import platform
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pretraining.studies.arrays import SUFFIX
from pretraining.studies.atomic import atomic_path, write_text
from pretraining.studies.manifest import Study
from pretraining.studies.options import PrepareOptions
from pretraining.studies.records import Reject

if TYPE_CHECKING:
    from pretraining.studies.prepare import Prepared

_PACKAGES = ("numpy", "SimpleITK", "pillow", "blosc2")


def write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write `rejects.csv`: id, image, reason."""
    with (
        atomic_path(folder / "rejects.csv") as temporary,
        temporary.open("w", encoding="utf-8", errors="replace", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["id", "image", "reason"])
        writer.writerows((reject.id, reject.image, reject.reason) for reject in rejects)


def write_descriptions(options: PrepareOptions, prepared: Prepared) -> None:
    """Write everything that describes the folder but the manifest and the rejects."""
    from pretraining.studies.page import write_page

    folder = options.output
    write_text(folder / "vocabulary.json", json.dumps(prepared.vocabulary.to_dict(), ensure_ascii=False, indent=1))
    summary = summarize(options, prepared)
    write_text(folder / "prepare.json", json.dumps(summary, ensure_ascii=False, indent=2))
    write_page(folder, prepared, summary)


def summarize(options: PrepareOptions, prepared: Prepared) -> dict[str, Any]:
    """`prepare.json`: options, versions, counts, duplicates, vocabulary hash."""
    studies = prepared.studies
    states = {
        state: Counter(tag for study in studies for tag, s in study.tags.items() if s == state)
        for state in ("present", "absent")
    }
    return {
        "options": options.to_dict(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "vocabulary_hash": prepared.vocabulary.hash,
        "counts": {
            "studies": len(studies),
            "patients": len({study.patient for study in studies}),
            "images": sum(len(study.images) for study in studies),
            "reports": sum(bool(study.report) for study in studies),
            "with_masks": sum(bool(study.masks) for study in studies),
            "rejects": len(prepared.rejects),
            "reused_images": prepared.reused_images,
            "unused_arrays": count_unused(options.output, studies),
            "splits": _counts(study.split for study in studies),
            "modalities": _counts(study.modality for study in studies),
            "regions": _counts(region for study in studies for region in study.regions),
            "dimensions": _counts(
                f"{len(image.shape) - 1}D" for images in prepared.images.values() for image in images
            ),
        },
        "tags": {
            tag: {state: states[state][tag] for state in states} for tag in sorted(states["present"] | states["absent"])
        },
        "flags": _counts(flag_kind(flag) for study in studies for flag in study.flags),
        "reject_reasons": _counts(reject.reason for reject in prepared.rejects),
        "duplicates": {"images": prepared.image_duplicates.to_dict(), "reports": prepared.report_duplicates.to_dict()},
    }


def count_unused(folder: Path, studies: Iterable[Study]) -> int:
    """Arrays of earlier runs in the folder that no study of the manifest uses any more."""
    used = {name for study in studies for name in study.images + study.masks}
    stored = {f"{kind}/{path.name}" for kind in ("images", "masks") for path in (folder / kind).glob(f"*{SUFFIX}")}
    return len(stored - used)


def flag_kind(flag: str) -> str:
    """A flag without its numbers, so that flags of one kind are counted together."""
    return re.sub(r"(?<![\w-])\d[\d,.]*", "#", flag)


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
