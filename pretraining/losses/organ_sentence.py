"""Organ-sentence alignment: what a report says about an organ, against what the image shows of it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def organ_sentence(organs: Tensor, sentences: Tensor, tags: Tensor, temperature: Tensor, similar: Tensor) -> Tensor:
    """Symmetric InfoNCE within the same organ across the batch (ours, METHOD 1.7; kin: fVLM, OpenVocabCT).

    Sentences about other organs, and sentences that say nearly the same, are not negatives.

    Args:
        organs: `(N, D)`, unit vectors: the feature that the tag's attention pools from the study's image.
        sentences: `(N, D)`, unit vectors: the embedding of what that study's report says of the tag.
        tags: `(N,)`, index of the tag.
        temperature: scalar.
        similar: `(N, N)` boolean, true where two sentences say nearly the same.

    Returns:
        A scalar in fp32: the mean over entries that have at least one negative, 0 where none has.
    """
    negative = (tags[:, None] == tags[None, :]) & ~similar
    itself = torch.eye(len(tags), dtype=torch.bool, device=tags.device)
    negative = negative & ~itself
    counted = negative.any(dim=1)
    if not bool(counted.any()):
        return organs.sum() * 0.0
    logits = organs.float() @ sentences.float().T / temperature
    logits = logits.masked_fill(~(negative | itself), float("-inf"))
    target = torch.arange(len(tags), device=tags.device)
    losses = functional.cross_entropy(logits, target, reduction="none")
    losses = losses + functional.cross_entropy(logits.T, target, reduction="none")
    return losses[counted].mean() / 2
