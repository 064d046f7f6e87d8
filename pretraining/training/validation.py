"""What a run measures on its validation studies after every epoch."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from pretraining.evaluation.recognition import mean_known, tag_scores
from pretraining.evaluation.retrieval import retrieval_scores
from pretraining.training.data import Batch
from pretraining.training.task import PretrainingTask


@torch.no_grad()
def validate(task: PretrainingTask, batches: Iterable[Batch], device: torch.device) -> dict[str, float | None]:
    """Losses, tag recognition and retrieval, over all batches.

    Args:
        task: put into evaluation mode here, and back into training mode.
        batches: every validation study once.
        device: where the task is.

    Returns:
        `loss` and its parts (means over batches, weighted by studies), `tag_auc`, `tag_ap` (means over tags that have
        both a present and a negative study) and recall at 1, both ways.
    """
    task.eval()
    totals: dict[str, float] = {}
    logits, targets, images, reports, groups = [], [], [], [], []
    for batch in batches:
        outcome = task(batch.to(device))
        for name, loss in outcome.losses.items():
            totals[name] = totals.get(name, 0.0) + float(loss) * len(batch.studies)
        logits.append(outcome.features["logits"].float().cpu())
        targets.append(batch.targets)
        images.append(outcome.features["images"].float().cpu())
        reports.append(outcome.features["reports"].float().cpu())
        groups.append(batch.reports)
    task.train()
    studies = sum(map(len, groups))
    scores = tag_scores(torch.cat(logits).numpy(), torch.cat(targets).numpy())
    retrieval = retrieval_scores(torch.cat(images), torch.cat(reports), torch.cat(groups))
    return {
        **{name: total / studies for name, total in totals.items()},
        "tag_auc": mean_known(scores["auc"]),
        "tag_ap": mean_known(scores["ap"]),
        "image_to_report_r1": retrieval["image_to_report_r1"],
        "report_to_image_r1": retrieval["report_to_image_r1"],
    }
