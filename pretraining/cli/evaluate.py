"""`mosmos_pretrain evaluate`."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pretraining.errors import UserError


@dataclass(frozen=True)
class Options:
    """Options of the command: give a run or a bundle."""

    data: Path
    """Folder that `mosmos_pretrain prepare` wrote; it need not be the one of training."""
    json: Path
    """File for all figures."""
    run: Path | None = None
    """Folder of `mosmos_pretrain train --output`: retrieval, tags, calibration, localization."""
    bundle: Path | None = None
    """Folder of `mosmos_pretrain export --output`; it carries no text encoder, so that there is no retrieval."""
    masks: Path | None = None
    """Folder of label images `STUDY.nii.gz` (`.nrrd`, `.mha`, `.png`) on the grid of the prepared images, with
    `labels.json` or nnU-Net's `dataset.json` in it or above it; the prepared folder's own `masks` will do, too."""
    split: Literal["test", "val", "train", "all"] = "test"
    """Which studies."""
    page: Path | None = None
    """File for a page to look at (HTML)."""
    show_reports: bool = False
    """Show the reports of the page's retrieval examples: it contains patient text then."""
    checkpoint: Literal["best", "latest"] = "best"
    """Of a run: `best` has the lowest validation loss, `latest` is its end so far."""
    batch_size: int = 16
    """Images at once."""
    workers: int = 2
    """Processes that read images; 0 reads in this one."""
    device: str = "auto"
    """`auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`."""


def run(options: Options) -> int:
    """Evaluate."""
    if (options.run is None) == (options.bundle is None):
        raise UserError("give either --run or --bundle: one of them is evaluated")
    if options.bundle is not None and options.checkpoint != "best":
        raise UserError(
            f"--checkpoint {options.checkpoint} is for --run: a bundle holds the one that it was exported with "
            "(`export --checkpoint`); leave it out"
        )
    if options.show_reports and (options.page is None or options.run is None):
        raise UserError("--show-reports is for the page's retrieval examples; give --run and --page FILE.html, too")
    for name, file in (("--json", options.json), ("--page", options.page)):
        if file is not None and file.is_dir():
            raise UserError(f"{name} {file} is a folder; give a file in it")
    if options.batch_size < 1 or options.workers < 0:
        raise UserError("--batch-size must be at least 1, --workers at least 0")
    from pretraining.device import choose_device
    from pretraining.evaluation.evaluate import Evaluation, to_json
    from pretraining.evaluation.network import open_bundle, open_run
    from pretraining.evaluation.page import render_page
    from pretraining.studies.atomic import write_text

    device = choose_device(options.device)
    evaluation = Evaluation(options.data, options.split, options.masks)
    if options.run is not None:
        network = open_run(options.run, options.checkpoint, device)
    else:
        assert options.bundle is not None
        network = open_bundle(options.bundle, device)
    seen, document = evaluation.run(network, options.batch_size, options.workers)
    document["options"] = _plain(options)
    write_text(options.json, to_json(document))
    if options.page is not None:
        reports = {study.id: study.report for study in seen.studies} if options.show_reports else {}
        write_text(options.page, render_page(document, reports))
    _say(document, options)
    return 0


def _plain(options: Options) -> dict[str, Any]:
    values = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _say(document: dict[str, Any], options: Options) -> None:
    log = logging.getLogger(__name__)
    for note in document["notes"]:
        log.warning("%s", note)
    for study, reason in (document["masks"] or {}).get("left_out", {}).items():
        log.warning("the mask of study '%s' is left out: %s", study, reason)
    log.info("%d studies: %s", document["data"]["studies"], options.page or options.json)
