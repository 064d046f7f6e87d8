"""Organ-sentence alignment: what a report says about an organ, against what the image shows of it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional


def organ_sentence(
    organs: Tensor, sentences: Tensor, tags: Tensor, temperature: Tensor, similar: Mapping[int, Tensor]
) -> Tensor:
    """Symmetric InfoNCE within the same organ across the batch (ours, METHOD 1.7; kin: fVLM, OpenVocabCT).

    Sentences about other organs, and sentences that say nearly the same, are not negatives. One organ is compared at a
    time, so that memory grows with the studies and not with all their sentences.

    Args:
        organs: `(N, D)`, unit vectors: the feature that the tag's attention pools from the study's image.
        sentences: `(N, D)`, unit vectors: the embedding of what that study's report says of the tag.
        tags: `(N,)`, index of the tag.
        temperature: scalar.
        similar: for every tag in `tags` a `(n, n)` boolean over its n entries in their order, true where two sentences
            say nearly the same.

    Returns:
        A scalar in fp32: the mean over entries that have at least one negative, 0 where none has.
    """
    total, count = organs.float().sum() * 0.0, 0
    for tag, alike in similar.items():
        rows = torch.nonzero(tags == tag).squeeze(1)
        itself = torch.eye(len(rows), dtype=torch.bool, device=organs.device)
        negative = ~alike.to(organs.device) & ~itself
        counted = negative.any(dim=1)
        if not bool(counted.any()):
            continue
        logits = organs[rows].float() @ sentences[rows].float().T / temperature
        logits = logits.masked_fill(~(negative | itself), float("-inf"))
        target = torch.arange(len(rows), device=organs.device)
        losses = functional.cross_entropy(logits, target, reduction="none")
        losses = losses + functional.cross_entropy(logits.T, target, reduction="none")
        total, count = total + losses[counted].sum(), count + int(counted.sum())
    return total / max(1, 2 * count)
