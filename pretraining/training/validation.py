"""What a run measures on its validation studies after every epoch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from pretraining.data.batches import Batch
from pretraining.metrics.recognition import mean_known, tag_scores
from pretraining.metrics.retrieval import retrieval_scores
from pretraining.processes import Processes
from pretraining.training.task import PretrainingTask


@torch.no_grad()
def validate(
    task: PretrainingTask, batches: Iterable[Batch], device: torch.device, processes: Processes
) -> dict[str, float | None]:
    """Losses, tag recognition and retrieval, over all batches.

    Args:
        task: put into evaluation mode here, and back into training mode.
        batches: this process's share of the validation studies, each once.
        device: where the task is.
        processes: who validates together.

    Returns:
        `loss` and its parts (means over batches, weighted by studies), `tag_auc`, `tag_ap` (means over tags that have
        both a present and a negative study) and recall at 1, both ways.
    """
    task.eval()
    totals: dict[str, float] = {}
    found: list[dict[str, Tensor]] = []
    for batch in batches:
        outcome = task(batch.to(device))
        for name, loss in outcome.losses.items():
            totals[name] = totals.get(name, 0.0) + float(loss) * len(batch.studies)
        features = {name: outcome.features[name].float().cpu() for name in ("images", "reports", "logits")}
        found.append(features | {"targets": batch.targets.cpu(), "groups": batch.reports.cpu()})
    task.train()
    everywhere = processes.gather_objects((totals, found))
    totals = {name: sum(part.get(name, 0.0) for part, _ in everywhere) for name in totals | everywhere[0][0]}
    joined = {name: torch.cat([one[name] for _, part in everywhere for one in part]) for name in everywhere[0][1][0]}
    studies = len(joined["groups"])
    scores = tag_scores(joined["logits"].numpy(), joined["targets"].numpy())
    retrieval = retrieval_scores(joined["images"], joined["reports"], joined["groups"])
    return {
        **{name: total / studies for name, total in totals.items()},
        "tag_auc": mean_known(scores["auc"]),
        "tag_ap": mean_known(scores["ap"]),
        "image_to_report_r1": retrieval["image_to_report_r1"],
        "report_to_image_r1": retrieval["report_to_image_r1"],
    }
