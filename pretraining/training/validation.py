"""What a run measures on its validation studies after every epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from pretraining.data.batches import Batch
from pretraining.metrics.recognition import mean_known, tag_scores
from pretraining.metrics.retrieval import retrieval_scores
from pretraining.processes import Processes
from pretraining.training.task import PretrainingTask

CPU = torch.device("cpu")
Named = dict[str, Tensor]


@torch.no_grad()
def validate(
    task: PretrainingTask, batches: Iterator[Batch], parts: Sequence[int], processes: Processes
) -> dict[str, float | None]:
    """Losses, tag recognition and retrieval; as in training, the studies of a step are contrasted with each other.

    Args:
        task: put into evaluation mode here, and back into training mode.
        batches: micro-batches of this process's share of the validation studies, each once.
        parts: how many of them belong to each step.
        processes: who validates together.

    Returns:
        `loss` and its parts (means over steps, weighted by studies), `tag_auc`, `tag_ap` (means over tags that have
        both a present and a negative study) and recall at 1, both ways.
    """
    task.eval()
    tags = task.embed_tags()
    totals: dict[str, float] = {}
    found: list[Named] = []
    for count in parts:
        features, labels = _step(task, islice(batches, count), tags, processes)
        for name, loss in task.objective(_on(features, task.device), _on(labels, task.device)).items():
            totals[name] = totals.get(name, 0.0) + float(loss) * len(labels["reports"])
        kept = {name: features[name].float() for name in ("images", "reports", "logits")}
        found.append(kept | {"targets": labels["targets"], "groups": labels["reports"]})
    task.train()
    joined = _joined(found)
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


def _step(task: PretrainingTask, batches: Iterable[Batch], tags: Tensor, processes: Processes) -> tuple[Named, Named]:
    """Features and labels of all studies of a step, on the CPU."""
    own = [(_on(task.features(batch.to(task.device), tags), CPU), batch.labels()) for batch in batches]
    everywhere = [part for parts in processes.gather_objects(own) for part in parts]
    return _joined([features for features, _ in everywhere]), _joined([labels for _, labels in everywhere])


def _on(tensors: Named, device: torch.device) -> Named:
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _joined(parts: Sequence[Named]) -> Named:
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
