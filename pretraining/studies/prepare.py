"""`prepare`: from a collection of images and reports to a prepared folder."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
from pretraining.studies.duplicates import Duplicates, find_duplicates, plain_text
from pretraining.studies.image_pass import ImageKey, image_keys, store_images
from pretraining.studies.image_store import ImageOutcome, StoredImage
from pretraining.studies.manifest import Study, write_manifest
from pretraining.studies.merge import merge_records
from pretraining.studies.mining import mine_reports
from pretraining.studies.modalities import UNKNOWN
from pretraining.studies.options import PrepareOptions
from pretraining.studies.patients import name_patients
from pretraining.studies.readers import read_records
from pretraining.studies.records import Record, Reject
from pretraining.studies.report_checks import report_flags, report_problem
from pretraining.studies.splits import assign_splits, settle_given_splits
from pretraining.tags.vocabulary import Vocabulary, load_vocabulary

if TYPE_CHECKING:
    from pretraining.tags.miner import MinedReport

logger = logging.getLogger(__name__)

StudyImages = dict[str, tuple[StoredImage, ...]]
"""Study id -> its stored images."""


@dataclass(frozen=True)
class Prepared:
    """What a run of `prepare` came to.

    Attributes:
        studies: as in the manifest.
        images: study id -> its stored images.
        rejects: as in `rejects.csv`.
        image_duplicates, report_duplicates: what stands in several studies.
        reused_images: images taken over from earlier runs.
        vocabulary: that the reports were mined with.
    """

    studies: tuple[Study, ...]
    images: Mapping[str, tuple[StoredImage, ...]]
    rejects: tuple[Reject, ...]
    image_duplicates: Duplicates
    report_duplicates: Duplicates
    reused_images: int
    vocabulary: Vocabulary


def prepare(options: PrepareOptions) -> Prepared:
    """Write a prepared folder.

    Args:
        options: see there.

    Returns:
        The run's results; all of it is in the folder too.

    Raises:
        UserError: options or input as a whole cannot be used, nothing usable is left, or the disk is full.
    """
    from pretraining.studies import outputs

    options = options.validated()
    vocabulary = load_vocabulary(options.vocabulary)
    if options.vocabulary is not None and not set(vocabulary.ids).issuperset(load_vocabulary().ids):
        logger.info("%s replaces the packaged vocabulary: %d tags", options.vocabulary, len(vocabulary))
    records, rejects = merge_records(read_records(options.request, "" if options.format == "auto" else options.format))
    records, unusable = _usable_reports(records, options.images_only)
    rejects += unusable
    logger.info("%d studies to prepare, %d entries rejected so far", len(records), len(rejects))
    outcomes, reused = store_images(records, options)
    images, records, image_rejects = _collect_images(records, outcomes, options)
    rejects += image_rejects
    header_patients = {record.id: _header_patient(images[record.id]) for record in records}
    records = name_patients(records, header_patients, options.patient_pattern)
    records, conflicting = settle_given_splits(records)
    rejects += conflicting
    with disk_problems_are_users(options.output):
        outputs.write_rejects(options.output, rejects)
    if not records:
        raise UserError(_nothing_left(options, rejects))
    studies = _studies(records, images, vocabulary, options)
    prepared = Prepared(
        studies=tuple(studies),
        images=images,
        rejects=tuple(rejects),
        image_duplicates=_duplicates(studies, lambda study: [image.content for image in images[study.id]]),
        report_duplicates=_duplicates(studies, lambda study: [plain_text(study.report)]),
        reused_images=reused,
        vocabulary=vocabulary,
    )
    with disk_problems_are_users(options.output):
        write_manifest(options.output, studies)
        outputs.write_descriptions(options, prepared)
    return prepared


def _duplicates(studies: Sequence[Study], values: Callable[[Study], list[str]]) -> Duplicates:
    splits = {study.id: study.split for study in studies}
    return find_duplicates(((study.id, value) for study in studies for value in values(study)), splits)


def _header_patient(images: Sequence[StoredImage]) -> str:
    return next((image.patient for image in images if image.patient), "")


def _usable_reports(records: Sequence[Record], images_only: bool) -> tuple[list[Record], list[Reject]]:
    """Studies whose report can be used, with flags; with `images_only` an unusable report becomes none."""
    usable: list[Record] = []
    rejects: list[Reject] = []
    for record in records:
        problem = report_problem(record.report)
        if not problem:
            usable.append(replace(record, flags=record.flags + report_flags(record.report)))
        elif images_only:
            flags = (f"report not used: {problem}",) if record.report.strip() else ()
            usable.append(replace(record, report="", flags=record.flags + flags))
        else:
            rejects.append(Reject(record.id, ";".join(map(str, record.images)), problem))
    return usable, rejects


def _collect_images(
    records: Sequence[Record], outcomes: Mapping[ImageKey, ImageOutcome], options: PrepareOptions
) -> tuple[StudyImages, list[Record], list[Reject]]:
    """Stored images by study, the studies that have one, and what was wrong with the others."""
    dimension = int(options.dim) if options.dim != "auto" else _usual_dimension(outcomes.values())
    images: StudyImages = {}
    rejects: list[Reject] = []
    for record in records:
        stored: list[StoredImage] = []
        for key in image_keys(record, options):
            outcome = outcomes[key]
            path = key[0]
            if outcome.problem:
                rejects.append(Reject(record.id, str(path), outcome.problem))
            rejects += [
                Reject(record.id, f"{path}: {name}" if name else str(path), reason) for name, reason in outcome.left_out
            ]
            for image in outcome.images:
                if len(image.shape) - 1 == dimension:
                    stored.append(image)
                else:
                    sides = " x ".join(map(str, image.shape[1:]))
                    reason = (
                        f"the image is {len(image.shape) - 1}D ({sides}); this folder takes {dimension}D ones (--dim)"
                    )
                    rejects.append(Reject(record.id, str(path), reason))
        if stored:
            images[record.id] = tuple(stored)
    return images, [record for record in records if record.id in images], rejects


def _usual_dimension(outcomes: Iterable[ImageOutcome]) -> int:
    counts = Counter(len(image.shape) - 1 for outcome in outcomes for image in outcome.images)
    return counts.most_common(1)[0][0] if counts else 2


def _studies(
    records: Sequence[Record], images: StudyImages, vocabulary: Vocabulary, options: PrepareOptions
) -> list[Study]:
    mined = iter(mine_reports([record.report for record in records if record.report], vocabulary, options.workers))
    given = {record.patient: record.split for record in records if record.split}
    hashed = assign_splits(
        dict.fromkeys(record.patient for record in records if not given),
        options.val_fraction,
        options.test_fraction,
        options.seed,
    )
    splits = {record.patient: given.get(record.patient) or hashed.get(record.patient, "train") for record in records}
    return [
        _study(record, images[record.id], next(mined) if record.report else None, splits[record.patient])
        for record in records
    ]


def _study(record: Record, images: tuple[StoredImage, ...], mined: MinedReport | None, split: str) -> Study:
    flags = record.flags + tuple(flag for image in images for flag in image.flags)
    tags = dict(mined.tags) if mined else {}
    if mined and not tags:
        flags += ("no known tag in the report",)
    elif mined and "present" not in tags.values():
        flags += ("all tags of the report are absent",)
    named_regions = tuple(dict.fromkeys(region for image in images for region in image.regions))
    modalities = tuple(dict.fromkeys(image.modality for image in images if image.modality != UNKNOWN))
    if len(modalities) > 1:
        flags += (f"images of several modalities ({', '.join(modalities)}): the study counts as {modalities[0]}",)
    spacings = tuple(image.spacing for image in images)
    has_masks = all(image.mask for image in images)
    if not has_masks and any(image.mask for image in images):
        flags += ("masks of some images only: left out",)
    return Study(
        id=record.id,
        patient=record.patient,
        split=split,
        images=tuple(image.array for image in images),
        report=record.report,
        tags=tags,
        # What a column or the image's header says of the field of view is surer than what the text happens to mention.
        regions=record.regions or named_regions or (tuple(mined.regions) if mined else ()),
        sentences={tag: tuple(sentences) for tag, sentences in mined.sentences.items()} if mined else {},
        modality=modalities[0] if modalities else UNKNOWN,
        spacings=spacings if any(spacings) else (),
        source=record.source,
        masks=tuple(image.mask for image in images) if has_masks else (),
        flags=tuple(dict.fromkeys(flags)),
    )


def _nothing_left(options: PrepareOptions, rejects: Sequence[Reject]) -> str:
    if not rejects:
        return f"{options.input} holds no study"
    reason, count = Counter(reject.reason for reject in rejects).most_common(1)[0]
    hint = "; say where image paths start with --image-root" if reason == "the file is missing" else ""
    return (
        f"no study of {options.input} can be used: most often because {reason} "
        f"({count} of {len(rejects)} rejects){hint}. "
        f"All reasons are in {options.output / 'rejects.csv'}"
    )
