"""The scores of a group of studies: all of them, a body region, a modality."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pretraining.evaluation.observations import Observations
from pretraining.metrics.calibration import base_rate_brier, brier, calibration_error, reliability
from pretraining.metrics.localization import Localization, mean_localization
from pretraining.metrics.recognition import mean_known, tag_scores, within_regions
from pretraining.metrics.retrieval import chance_levels, retrieval_scores
from pretraining.studies.manifest import Study

FEWEST_STUDIES = 20
"""Figures over fewer studies are marked: chance moves them more than most differences of interest."""
LOCALIZED = ("attention", "prior", "brightness")
"""What is compared with masks: maps, and two things that know nothing of tags; attributes of `Localized`."""


def score_groups(seen: Observations) -> dict[str, Any]:
    """`overall`, `regions` and `modalities`; a study counts in every region that its report covers."""
    return {
        "overall": score(seen, np.arange(len(seen.studies))),
        "regions": _by(seen, lambda study: study.regions or ("unknown",)),
        "modalities": _by(seen, lambda study: (study.modality,)),
    }


def _by(seen: Observations, names: Callable[[Study], tuple[str, ...]]) -> dict[str, Any]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, study in enumerate(seen.studies):
        for name in names(study):
            rows[name].append(row)
    return {name: score(seen, np.array(rows[name])) for name in sorted(rows)}


def score(seen: Observations, rows: NDArray[np.int64]) -> dict[str, Any]:
    """All scores of some studies; the candidates of the retrieval are these studies, too.

    Args:
        seen: what the network said.
        rows: `(n,)`, which studies.
    """
    return {
        "studies": len(rows),
        "few": len(rows) < FEWEST_STUDIES,
        "retrieval": _retrieval(seen, rows),
        "tags": _tags(seen, rows),
        "calibration": _calibration(seen, rows),
        "localization": _localization(seen, set(rows.tolist())),
    }


def _retrieval(seen: Observations, rows: NDArray[np.int64]) -> dict[str, Any]:
    if seen.images is None:
        return {"not_available": "a bundle carries no text encoder"}
    with_report = torch.from_numpy(rows)[seen.groups[rows] >= 0]
    groups = seen.groups[with_report]
    if seen.reports is None or len(groups.unique()) < 2:
        return {"not_available": "fewer than two different reports"}
    found = retrieval_scores(seen.images[with_report], seen.reports[with_report], groups)
    chance = chance_levels(groups)
    ways = {
        way: {name: {"value": found[f"{way}_{name}"], "chance": level} for name, level in chance.items()}
        for way in ("image_to_report", "report_to_image")
    }
    return {"candidates": len(groups), "different_reports": len(groups.unique()), **ways}


def _tags(seen: Observations, rows: NDArray[np.int64]) -> dict[str, Any]:
    logits, targets = seen.logits[rows], seen.targets[rows]
    inside = within_regions(targets, seen.covered[rows])
    scores, scores_inside = tag_scores(logits, targets), tag_scores(logits, inside)
    probability = _sigmoid(logits)
    per_tag: dict[str, dict[str, Any]] = {}
    for number, tag in enumerate(seen.tag_ids):
        known = targets[:, number] >= 0
        truth = targets[known, number]
        per_tag[tag] = {
            "present": int((truth == 1).sum()),
            "negative": int((truth == 0).sum()),
            "unknown": int((~known).sum()),
            "auc": scores["auc"][number],
            "ap": scores["ap"][number],
            "chance_ap": float(truth.mean()) if known.any() else None,
            "auc_within_regions": scores_inside["auc"][number],
            "negative_within_regions": int((inside[:, number] == 0).sum()),
            "brier": brier(probability[known, number], truth) if known.any() else None,
            "base_rate_brier": base_rate_brier(truth) if known.any() else None,
        }
    scored = [entry for entry in per_tag.values() if entry["auc"] is not None]
    names = ("auc", "ap", "chance_ap", "auc_within_regions")
    return {
        "mean": {name: mean_known([entry[name] for entry in scored]) for name in names},
        "tags_scored": len(scored),
        "tags_scored_within_regions": sum(entry["auc_within_regions"] is not None for entry in scored),
        "per_tag": per_tag,
    }


def _sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    return torch.from_numpy(logits).double().sigmoid().numpy()


def _calibration(seen: Observations, rows: NDArray[np.int64]) -> dict[str, Any] | None:
    known = seen.targets[rows] >= 0
    if not known.any():
        return None
    probability, truth = _sigmoid(seen.logits[rows])[known], seen.targets[rows][known]
    table = reliability(probability, truth)
    return {
        "entries": len(truth),
        "expected_calibration_error": calibration_error(table),
        "brier": brier(probability, truth),
        "base_rate_brier": base_rate_brier(truth),
        "bins": table,
    }


def _localization(seen: Observations, rows: set[int]) -> dict[str, Any] | None:
    found: dict[str, dict[str, list[Localization]]] = {who: defaultdict(list) for who in LOCALIZED}
    for entry in seen.localized:
        if entry.study in rows:
            for who in LOCALIZED:
                figures: Localization | None = getattr(entry, who)
                if figures is not None:
                    found[who][entry.tag].append(figures)
    if not found["attention"]:
        return None
    means = {who: mean_localization(per_tag) for who, per_tag in found.items()}
    return {
        "mean": {who: _mean_over_tags(per_tag) for who, per_tag in means.items()},
        "per_tag": {tag: {who: means[who].get(tag) for who in LOCALIZED} for tag in sorted(means["attention"])},
    }


def _mean_over_tags(per_tag: Mapping[str, Mapping[str, float]]) -> dict[str, float] | None:
    """Every tag counts once, however many images show its organ."""
    if not per_tag:
        return None
    names = ("auroc", "average_precision", "hit", "prevalence")
    means = {name: float(np.mean([entry[name] for entry in per_tag.values()])) for name in names}
    return {**means, "tags": len(per_tag)}
