"""Where the attention maps of a pretraining look, beside a static position prior."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.label_efficiency.cells import Pretraining
from benchmarks.label_efficiency.design import OBJECTIVES, PRETRAINING_SEEDS, SPLITS, Size
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.records import read_record
from benchmarks.record import Cell as TableCell
from benchmarks.record import Outcome
from pretraining.evaluation.evaluate import Evaluation
from pretraining.evaluation.network import open_bundle

COLUMNS = ("pretraining", "seeds", "AUROC", "prior", "brightness", "AP", "prior", "hit", "prior", "tag AUC")
FIGURES = (
    ("attention", "auroc"),
    ("prior", "auroc"),
    ("brightness", "auroc"),
    ("attention", "average_precision"),
    ("prior", "average_precision"),
    ("attention", "hit"),
    ("prior", "hit"),
)


def measure(bundle: Path, masks: Path | None, prepared: Path) -> dict[str, Any]:
    """Compare a bundle's maps of the validation studies with the phantom's masks, and its tags with the reports'.

    The checkpoint was chosen by the loss of these studies, not by where its maps look.

    Args:
        bundle: exported.
        masks: of the images, written by the phantom; None for real images, which have none.
        prepared: made from them.
    """
    network = open_bundle(bundle, torch.device("cpu"))
    found = Evaluation(prepared, "val", masks).run(network, batch_size=32, workers=0)[1]["overall"]
    return {"localization": found["localization"], "tags": found["tags"]["mean"]}


def localization_outcome(folders: Folders, size: Size, split: str, family: str) -> Outcome:
    """One row an objective: means over seeds and the labelled organs."""
    rows: list[tuple[TableCell, ...]] = []
    figures: dict[str, Any] = {}
    first = SPLITS[split].pretraining
    for objective in OBJECTIVES:
        jobs = [Pretraining(family, objective, first + seed) for seed in range(PRETRAINING_SEEDS)]
        records = [read_record(folders.record(job)) for job in jobs if folders.record(job).is_file()]
        if records:
            mean = _mean(records, size.organs)
            rows.append((objective, len(records), *mean.values()))
            figures[objective] = mean
    return Outcome(
        benchmark="label_efficiency",
        title=f"Localization, {family}, {size.task}, {split} seeds",
        columns=COLUMNS,
        rows=rows,
        seeds=list(range(first, first + PRETRAINING_SEEDS)),
        notes=[
            f"Attention maps of validation studies against the phantom's masks, mean over {', '.join(size.organs)} and "
            "seeds, on images that show the organ; prior: the mean mask of the training studies; brightness: the image "
            "itself, taken for a map. Tag AUC is over all tags."
        ],
        figures=figures,
    )


def _mean(records: list[dict[str, Any]], organs: tuple[str, ...]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for who, figure in FIGURES:
        found[f"{who} {figure}"] = float(np.mean([_of_organs(record, organs, who, figure) for record in records]))
    auc = [record["tags"]["auc"] for record in records if record["tags"]]
    found["tag AUC"] = float(np.mean(auc)) if auc else None
    return found


def _of_organs(record: Mapping[str, Any], organs: tuple[str, ...], who: str, figure: str) -> float:
    per_tag = record["localization"]["per_tag"]
    return float(np.mean([per_tag[organ][who][figure] for organ in organs if organ in per_tag]))
