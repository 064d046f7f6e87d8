"""Every distinct text of a corpus, by number; tokenized once, and encoded once where the encoder is frozen."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from pretraining.text.encoder import TextEncoder, Tokens
from pretraining.text.feature_cache import features_key, read_features, write_features
from pretraining.text.truncation import shorten

LOG = logging.getLogger(__name__)
# A frozen encoder takes as many texts at once as make this many tokens, padding included.
TOKENS_AT_ONCE = 4096
CPU = torch.device("cpu")


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
        frozen: encode every text now, without gradient, and look it up from then on; the encoder ends on the CPU.
        reports: numbers of the texts that are reports; of long ones, the most important sentences are kept.
        cache: file of the features of a frozen encoder, read where it fits and written otherwise.
        device: where a frozen encoder encodes, and where its vectors are wanted.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        texts: list[str],
        frozen: bool,
        *,
        reports: Collection[int] = (),
        cache: Path | None = None,
        device: torch.device = CPU,
    ) -> None:
        self.encoder = encoder
        self.device = device
        self.tokens = _tokenize(encoder, texts, reports)
        self.cached: Tensor | None = self._features(cache) if frozen else None

    def _features(self, cache: Path | None) -> Tensor:
        if cache is None:
            return self._encode_all()
        key = features_key(self.encoder.state_hash(), self.tokens)
        features = read_features(cache, key)
        if features is None:
            features = self._encode_all()
            write_features(cache, key, features)
        return features

    @torch.no_grad()
    def _encode_all(self) -> Tensor:
        self.encoder.eval().to(self.device)
        features = torch.empty(len(self.tokens), self.encoder.hidden_size)
        with tqdm(total=len(self.tokens), desc="encoding texts", unit="text", leave=False) as bar:
            for numbers in self._chunks():
                features[numbers] = self.encoder([self.tokens[number] for number in numbers]).cpu()
                bar.update(len(numbers))
        self.encoder.to(CPU)
        return features

    def _chunks(self) -> Iterator[list[int]]:
        """All texts, those of like length together."""
        chunk: list[int] = []
        for number in sorted(range(len(self.tokens)), key=lambda number: len(self.tokens[number])):
            if chunk and (len(chunk) + 1) * len(self.tokens[number]) > TOKENS_AT_ONCE:
                yield chunk
                chunk = []
            chunk.append(number)
        if chunk:
            yield chunk

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
            `(N, H)`, on the encoder's device, or that of the bank where the encoder is frozen.
        """
        if self.cached is not None:
            return self.cached[numbers.cpu()].to(self.device)
        device = next(self.encoder.parameters()).device
        groups = self._of_like_length(dict.fromkeys(numbers.tolist()))
        if not groups:
            return torch.zeros(0, self.encoder.hidden_size, device=device)
        encoded = torch.cat([self.encoder([self.tokens[number] for number in group]) for group in groups])
        place = {number: row for row, number in enumerate(number for group in groups for number in group)}
        return encoded[torch.tensor([place[number] for number in numbers.tolist()], device=device)]


def _tokenize(encoder: TextEncoder, texts: list[str], reports: Collection[int]) -> list[Tokens]:
    tokens = encoder.tokenize(texts)
    cut = [number for number in sorted(reports) if len(tokens[number]) == encoder.max_tokens]
    shortened = [shorten(texts[number], encoder.room, encoder.count_tokens) for number in cut]
    for number, entry in zip(cut, encoder.tokenize(shortened), strict=True):
        tokens[number] = entry
    if cut:
        LOG.info(
            "%d of %d reports reach %d tokens: of longer ones, impression and findings are kept first",
            len(cut),
            len(reports),
            encoder.max_tokens,
        )
    return tokens
