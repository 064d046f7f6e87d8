"""Finds the tag of a segmentation dataset's label name, or none when that is not certain."""

from __future__ import annotations

import re

from pretraining.tags.lexicon import plural_of
from pretraining.tags.vocabulary import Tag, Vocabulary

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z])(?=[0-9]+$)")
_SIDES = {"left": "left", "l": "left", "lt": "left", "right": "right", "r": "right", "rt": "right"}
_NOISE = frozenset({"the", "of", "and", "a"})


class LabelIndex:
    """All names of a vocabulary, by their words."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._ids = frozenset(vocabulary.ids)
        self._names: dict[tuple[str, ...], set[str]] = {}
        self._sides = vocabulary.sides
        for tag in vocabulary:
            for name in (tag.id, *tag.names, *tag.labels, *tag.synonyms):
                self._add(_words(name), tag)

    def _add(self, words: tuple[str, ...], tag: Tag) -> None:
        self._names.setdefault(words, set()).add(tag.id)
        plural = plural_of(words) if words else None
        if plural is not None:
            self._names.setdefault(plural, set()).add(tag.id)

    def resolve(self, name: str) -> str | None:
        """See `Vocabulary.resolve_label`."""
        if name in self._ids:
            return name
        words = _words(name)
        if not words:
            return None
        direct = self._only(words)
        if direct is not None:
            return direct
        sides = [_SIDES[word] for word in words if word in _SIDES]
        if len(sides) != 1:
            return None
        rest = tuple(word for word in words if word not in _SIDES)
        side = sides[0]
        sided = self._only((side, *rest))
        if sided is not None:
            return sided
        pair = self._only(rest)
        return self._sides.get(pair, {}).get(side) if pair is not None else None

    def _only(self, words: tuple[str, ...]) -> str | None:
        found = self._names.get(words, set())
        return next(iter(found)) if len(found) == 1 else None


def _words(name: str) -> tuple[str, ...]:
    spaced = _CAMEL.sub(" ", name)
    words = re.findall(r"[^\W_]+", spaced.lower())
    return tuple(word for word in words if word not in _NOISE)
