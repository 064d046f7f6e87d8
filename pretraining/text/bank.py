"""Every distinct text of a corpus, by number; tokenized once, and encoded once where the encoder is frozen."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from tqdm import tqdm

from pretraining.text.encoder import TextEncoder

CHUNK = 64


class TextNumbers:
    """Gives every distinct text a number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, text: str) -> int:
        """The text's number, a new one for a new text."""
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def add_all(self, texts: Iterable[str]) -> list[int]:
        """The number of each text."""
        return [self.add(text) for text in texts]


class TextBank:
    """Turns text numbers into vectors.

    Args:
        encoder: the text encoder.
        texts: the texts, by number.
        frozen: encode every text now, without gradient, and look it up from then on.
    """

    def __init__(self, encoder: TextEncoder, texts: list[str], frozen: bool) -> None:
        self.encoder = encoder
        self.tokens = encoder.tokenize(texts)
        self.cached: Tensor | None = self._encode_all() if frozen else None

    @torch.no_grad()
    def _encode_all(self) -> Tensor:
        self.encoder.eval()
        # Texts of like length together: little padding.
        order = sorted(range(len(self.tokens)), key=lambda number: len(self.tokens[number]))
        features = torch.empty(len(order), self.encoder.hidden_size)
        starts = range(0, len(order), CHUNK)
        for start in tqdm(starts, desc="encoding texts", unit="chunk", leave=False):
            numbers = order[start : start + CHUNK]
            features[numbers] = self.encoder([self.tokens[number] for number in numbers]).cpu()
        return features

    def __call__(self, numbers: Tensor) -> Tensor:
        """Vectors of texts.

        Args:
            numbers: `(N,)`; a text that is asked for several times is encoded once.

        Returns:
            `(N, H)`, on the encoder's device.
        """
        device = next(self.encoder.parameters()).device
        if self.cached is not None:
            return self.cached[numbers.cpu()].to(device)
        if len(numbers) == 0:
            return torch.zeros(0, self.encoder.hidden_size, device=device)
        distinct, where = torch.unique(numbers.cpu(), return_inverse=True)
        return self.encoder([self.tokens[number] for number in distinct.tolist()])[where.to(device)]
