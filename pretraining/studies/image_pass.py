"""All images of all studies into the prepared folder, in parallel, and only those that are not there yet."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from pretraining.disk import disk_error
from pretraining.errors import UserError
from pretraining.studies.image_store import ImageOutcome, ImageTask, safe_stem, store_image
from pretraining.studies.journal import Journal, fingerprint
from pretraining.studies.merge import image_stem
from pretraining.studies.options import PrepareOptions
from pretraining.studies.records import Record
from pretraining.studies.workers import run_tasks

logger = logging.getLogger(__name__)

ImageKey = tuple[Path, Path | None, str]
"""Image, mask and modality: what one task is about."""


def image_keys(record: Record, options: PrepareOptions) -> list[ImageKey]:
    """The image tasks of a study, in the order of its images."""
    masks = record.masks or (None,) * len(record.images)
    modality = record.modality or options.modality_code
    return [(image, mask, modality) for image, mask in zip(record.images, masks, strict=True)]


def store_images(records: Iterable[Record], options: PrepareOptions) -> tuple[dict[ImageKey, ImageOutcome], int]:
    """Store every image once, whatever number of studies share it.

    Args:
        records: the studies.
        options: grid, workers and output folder.

    Returns:
        The outcome of each task, and how many were taken over from earlier runs.

    Raises:
        UserError: nothing more can be written. What was written stays, and the same command goes on from there.
    """
    journal = _open_journal(options.output)
    outcomes: dict[ImageKey, ImageOutcome] = {}
    tasks: dict[str, ImageTask] = {}
    keys: dict[str, list[ImageKey]] = {}
    for key in dict.fromkeys(key for record in records for key in image_keys(record, options)):
        task = _task(key, options)
        known = journal.find(task.fingerprint)
        if known is not None:
            outcomes[key] = known
            continue
        tasks[task.fingerprint] = task
        keys.setdefault(task.fingerprint, []).append(key)
    if outcomes:
        logger.info("%d images are here already, %d are new", len(outcomes), len(tasks))
    kept = len(outcomes)
    results = run_tasks(store_image, list(tasks.values()), options.workers, _crashed)
    for outcome in tqdm(results, total=len(tasks), desc="images", unit="image", disable=not tasks):
        problem = outcome.disk_problem
        try:
            if not problem and not outcome.problem:
                journal.add(outcome)
        except OSError as error:
            problem = error.strerror or str(error)
        if problem:
            state = f"{len(outcomes)} of {len(tasks) + kept} images are done and stay valid"
            raise disk_error(options.output, problem, state=state)
        for key in keys[outcome.fingerprint]:
            outcomes[key] = outcome
    return outcomes, kept


def _open_journal(output: Path) -> Journal:
    try:
        output.mkdir(parents=True, exist_ok=True)
        for stale in output.glob("*/.*.b2nd"):
            # A temporary file of a run that was killed.
            stale.unlink(missing_ok=True)
        return Journal(output)
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error.strerror}): name another folder with --output") from error


def _task(key: ImageKey, options: PrepareOptions) -> ImageTask:
    image, mask, modality = key
    settings = {"modality": modality, "target_spacing": options.spacing, "max_side": options.max_side}
    mark = fingerprint(image, mask, settings)
    return ImageTask(
        path=str(image),
        mask=str(mask or ""),
        output=str(options.output),
        stem=safe_stem(image_stem(image), mark),
        fingerprint=mark,
        modality=modality,
        target_spacing=options.spacing,
        max_side=options.max_side,
    )


def _crashed(task: ImageTask) -> ImageOutcome:
    return ImageOutcome(task.fingerprint, problem="reading it ended its process (a corrupt file, or too little memory)")
