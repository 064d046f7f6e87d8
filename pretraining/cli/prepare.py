"""`mosmos_pretrain prepare`: images and reports in any shape become a prepared folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pretraining.studies.options import PrepareOptions as Options
from pretraining.studies.outputs import count_unused
from pretraining.studies.prepare import Prepared, prepare

__all__ = ["Options", "run"]

# With many kinds of rejects, the rest is in the file.
_PRINTED_REASONS = 5


def run(options: Options) -> int:
    """Prepare, and say what came out of it."""
    print(report(prepare(options), options.output))
    return 0


def report(prepared: Prepared, output: Path) -> str:
    """A few lines on what was prepared, what was not, and where to look."""
    studies = prepared.studies
    patients = len({study.patient for study in studies})
    images = sum(len(study.images) for study in studies)
    splits = Counter(study.split for study in studies)
    lines = [
        f"{len(studies)} studies of {patients} patients, {images} images "
        f"({prepared.reused_images} from an earlier run); "
        + ", ".join(f"{splits[name]} {name}" for name in ("train", "val", "test"))
    ]
    tags = Counter(tag for study in studies for tag, state in study.tags.items() if state == "present")
    if tags:
        lines.append(
            f"{len(tags)} tags; most often: " + ", ".join(f"{tag} {count}" for tag, count in tags.most_common(8))
        )
    if prepared.rejects:
        lines.append(f"{len(prepared.rejects)} entries were not taken (rejects.csv):")
        reasons = Counter(reject.reason for reject in prepared.rejects).most_common()
        lines += [f"  {count} x {reason}" for reason, count in reasons[:_PRINTED_REASONS]]
        if len(reasons) > _PRINTED_REASONS:
            lines.append(f"  and {len(reasons) - _PRINTED_REASONS} other reasons")
    for what, duplicates in (("images", prepared.image_duplicates), ("reports", prepared.report_duplicates)):
        if duplicates.groups:
            across = f"; {len(duplicates.across_splits)} of them across splits" if duplicates.across_splits else ""
            lines.append(
                f"equal {what} in {duplicates.studies} studies "
                f"({len(duplicates.groups)} groups{across}): see prepare.json"
            )
    unused = count_unused(output, studies)
    if unused:
        lines.append(f"{unused} arrays of earlier runs are in the folder that no study uses any more")
    lines.append(f"look at {output / 'prepare.html'}")
    return "\n".join(lines)
