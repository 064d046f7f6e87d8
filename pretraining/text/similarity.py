"""Which sentences say nearly the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

# Two sentences whose words overlap this much say the same thing of an organ; most are "X is unremarkable".
SIMILAR = 0.8
WORD = re.compile(r"[a-z]+")


def words_of(text: str) -> frozenset[str]:
    """The distinct words of a text, without numbers and punctuation."""
    return frozenset(WORD.findall(text.lower()))


def similar_pairs(words: Sequence[frozenset[str]]) -> Tensor:
    """Pairs of texts whose Jaccard similarity of words reaches 0.8.

    Words, not embeddings, decide: an untrained text encoder finds all sentences alike, and would leave nothing to
    contrast.

    Args:
        words: the words of each text, from `words_of`.

    Returns:
        `(N, N)` boolean, true on the diagonal.
    """
    columns = {word: column for column, word in enumerate(sorted(frozenset().union(*words)))}
    occurs = torch.zeros(len(words), len(columns))
    for row, entry in enumerate(words):
        occurs[row, [columns[word] for word in entry]] = 1
    common = occurs @ occurs.T
    sizes = occurs.sum(1)
    union = sizes[:, None] + sizes[None, :] - common
    return (common >= SIMILAR * union) | torch.eye(len(words), dtype=torch.bool)
