"""Stretches of a sentence in which naming an organ does not simply place it: history, other people, advice, ..."""

from __future__ import annotations

from pretraining.tags import lexicon as lx
from pretraining.tags.rules import Rules
from pretraining.tags.scan import Row

SCOPES = lx.HISTORY | lx.OTHER_PEOPLE | lx.DESCRIPTION | lx.ORIGIN | lx.ADVICE | lx.COMPARISON

# Scopes in which a region's word does not say that the region was examined.
_NOT_EXAMINED = lx.OTHER_PEOPLE | lx.ADVICE | lx.HISTORY | lx.ORIGIN | lx.COMPARISON

_ADVICE_REACH = 10
_ORIGIN_REACH = 5
_STUDY_REACH = 5


class ScopeReader:
    """Finds the scopes of a row."""

    def __init__(self, rules: Rules) -> None:
        self._origin_nouns = rules.origin_nouns
        self._spread_links = rules.spread_links

    def scopes(self, row: Row) -> list[int]:
        """For every item the bits of the scopes that it stands in."""
        masks = row.masks
        found = [0] * len(masks)
        scope = 0
        for index, mask in enumerate(masks):
            if mask & lx.BREAK:
                scope = 0
            elif mask & lx.SCOPE_END and not mask & lx.ADVICE:
                scope &= lx.OTHER_PEOPLE
            elif scope == lx.COMPARISON and (
                mask & lx.COMMA or (masks[index - 1] & lx.MODALITY and not mask & (lx.OF | lx.PREPOSITION))
            ):
                scope = 0
            if mask & lx.OTHER_PEOPLE:
                scope = lx.OTHER_PEOPLE
            elif mask & lx.COMPARISON and any(m & lx.MODALITY for m in masks[index + 1 : index + 1 + _STUDY_REACH]):
                scope = lx.COMPARISON
            elif mask & lx.HISTORY:
                scope = lx.HISTORY
            elif mask & lx.DESCRIPTION:
                scope = scope or lx.DESCRIPTION
            elif mask & lx.ADVICE and any(m & lx.MODALITY for m in masks[index + 1 : index + 1 + _ADVICE_REACH]):
                scope = lx.ADVICE
            found[index] |= scope
            if mask & lx.ORIGIN:
                self._mark_origin(row, index, found)
        return found

    def _mark_origin(self, row: Row, index: int, found: list[int]) -> None:
        """In "metastases from breast cancer" the breast need not be in the image."""
        masks = row.masks
        after = row.last(index) + 1
        if masks[index] & lx.TERM and (after >= len(row.words) or row.words[after] not in self._spread_links):
            return
        for position in range(index + 1, min(index + 1 + _ORIGIN_REACH, len(masks))):
            mask = masks[position]
            if mask & lx.BREAK:
                return
            if mask & lx.ORIGIN_NOUN or (mask & lx.TERM and row.words[row.last(position)] in self._origin_nouns):
                for marked in range(index + 1, position + 1):
                    found[marked] |= lx.ORIGIN
                return


def named_regions(row: Row, scopes: list[int] | None) -> tuple[str, ...]:
    """The body regions that a row says were examined."""
    found: dict[str, None] = {}
    for index, mask in enumerate(row.masks):
        if not mask & lx.REGION or _means_something_else(row.masks, index):
            continue
        if scopes is None or not scopes[index] & _NOT_EXAMINED:
            found.update(dict.fromkeys(row.entries[index].regions))
    return tuple(found)


def _means_something_else(masks: list[int], index: int) -> bool:
    """Whether the word is a part ("head of the pancreas") or the region was left out ("pelvis was not imaged")."""
    after = index + 1
    if after < len(masks) and masks[after] & lx.OF:
        return True
    while after < len(masks) and masks[after] & (lx.COPULA | lx.FILLER):
        after += 1
    return after < len(masks) and bool(masks[after] & lx.ABSENT_AFTER)
