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
        features = torch.empty(len(self.tokens), self.encoder.hidden_size)
        chunks = [
            numbers[start : start + CHUNK]
            for numbers in self._of_like_length(range(len(self.tokens)))
            for start in range(0, len(numbers), CHUNK)
        ]
        for numbers in tqdm(chunks, desc="encoding texts", unit="chunk", leave=False):
            features[numbers] = self.encoder([self.tokens[number] for number in numbers]).cpu()
        return features

    def _of_like_length(self, numbers: Iterable[int]) -> list[list[int]]:
        """Groups of texts whose lengths lie between the same powers of two: little of them is padding."""
        groups: dict[int, list[int]] = {}
        for number in numbers:
            groups.setdefault((len(self.tokens[number]) - 1).bit_length(), []).append(number)
        return [groups[size] for size in sorted(groups)]

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
        groups = self._of_like_length(dict.fromkeys(numbers.tolist()))
        if not groups:
            return torch.zeros(0, self.encoder.hidden_size, device=device)
        encoded = torch.cat([self.encoder([self.tokens[number] for number in group]) for group in groups])
        place = {number: row for row, number in enumerate(number for group in groups for number in group)}
        return encoded[torch.tensor([place[number] for number in numbers.tolist()], device=device)]
