"""Does an image find its report, and a report its image?"""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 1024
TOLERANCE = 1e-6
"""Cosines in fp32 that lie no further apart than this are equal: rounding decides between them."""


def ranks(queries: Tensor, targets: Tensor, groups: Tensor) -> Tensor:
    """At which place each query finds its own target.

    Targets of the query's own group (identical reports) do not push it down; equal similarities (see `TOLERANCE`) count
    half.

    Args:
        queries: `(N, D)`, unit vectors.
        targets: `(N, D)`, unit vectors, in the order of the queries.
        groups: `(N,)`, equal for pairs that are no errors of each other.

    Returns:
        `(N,)` in fp32, 1 for the best.
    """
    found = []
    for start in range(0, len(queries), CHUNK):
        part = slice(start, min(start + CHUNK, len(queries)))
        ahead = queries[part] @ targets.T - (queries[part] * targets[part]).sum(-1, keepdim=True)
        other = groups[part, None] != groups[None, :]
        better = ((ahead > TOLERANCE) & other).sum(1)
        equal = ((ahead.abs() <= TOLERANCE) & other).sum(1)
        found.append(1 + better + equal / 2)
    return torch.cat(found) if found else torch.zeros(0)


def retrieval_scores(images: Tensor, reports: Tensor, groups: Tensor) -> dict[str, float]:
    """Recall at 1, 5 and 10 and the median rank, both ways.

    Args:
        images: `(N, D)`, unit vectors.
        reports: `(N, D)`, unit vectors.
        groups: `(N,)`, see `ranks`.
    """
    scores: dict[str, float] = {}
    for name, (queries, targets) in {
        "image_to_report": (images, reports),
        "report_to_image": (reports, images),
    }.items():
        place = ranks(queries, targets, groups)
        scores |= {f"{name}_r{top}": float((place <= top).float().mean()) for top in (1, 5, 10)}
        scores[f"{name}_median_rank"] = float(place.quantile(0.5))
    return scores


def chance_levels(groups: Tensor) -> dict[str, float]:
    """What an encoder that orders by chance would reach on the same candidates.

    Every study has its own number of candidates: all studies but the others of its group.

    Args:
        groups: `(N,)`, see `ranks`.

    Returns:
        `r1`, `r5`, `r10` and `median_rank`, the same for both ways.
    """
    _, numbers, sizes = groups.unique(return_inverse=True, return_counts=True)
    candidates = (len(groups) - sizes[numbers] + 1).float()
    chance = {f"r{top}": float((top / candidates).clamp(max=1).mean()) for top in (1, 5, 10)}
    return {**chance, "median_rank": float((candidates.quantile(0.5) + 1) / 2)}


def best_matches(queries: Tensor, targets: Tensor, top: int) -> Tensor:
    """Numbers of each query's most similar targets.

    Args:
        queries: `(Q, D)`, unit vectors; a few.
        targets: `(N, D)`, unit vectors.
        top: how many.

    Returns:
        `(Q, min(top, N))`, best first.
    """
    return (queries @ targets.T).topk(min(top, len(targets)), dim=1).indices
