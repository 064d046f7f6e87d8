"""Which side a report gives to a paired organ."""

from __future__ import annotations

from pretraining.tags import lexicon as lx
from pretraining.tags.scan import Row

# After a side, these end the noun phrase in which it can still reach an organ.
_STOPS = lx.PREPOSITION | lx.COPULA | lx.BREAK | lx.COLON | lx.SCOPE_END | lx.ABSENT_AFTER | lx.SEEN | lx.NEGATION

# Words that neither end a noun phrase nor count as distance.
_LIGHT = lx.DETERMINER | lx.OF | lx.CONJUNCTION | lx.FILLER

# "left lower pole large renal cyst": so many other words may stand between.
_REACH = 5

_COUNTS = ("two", "2")


def assign_sides(row: Row) -> None:
    """Give every term of a row its sides.

    A side belongs to the next paired organ of its noun phrase ("left lower pole renal cyst"), over "and" to the one
    after ("left kidney and adrenal gland"), else to the last paired organ named before ("kidney on the left"); where
    that has one ("right kidney absent, left hypertrophied"), the side becomes a mention of its own.
    """
    _Assignment(row).run()


class _Assignment:
    """One pass over a row."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._masks = row.masks
        # A side that has not met its organ yet, where it stands, and how far it may still reach.
        self._side = self._at = self._reach = 0
        # A side that may pass over "and" to the next organ, and one that leads: "On the left, the kidney ...".
        self._carried = self._leading = 0
        self._last_paired = -1

    def run(self) -> None:
        """Assign every side of the row."""
        for index, mask in enumerate(self._masks):
            if mask & lx.SIDE and not self._is_letter_alone(index):
                self._meet_side(index)
            elif mask & lx.TERM:
                self._meet_term(index)
            elif mask & lx.COMMA:
                self._carried = self._carried if index - 1 in self._row.elided else 0
                if not any(near & lx.SIDE for near in self._masks[index + 1 : index + 3]):
                    self._settle()
            elif mask & _STOPS and not mask & (lx.OF | lx.FILLER):
                self._carried = 0
                self._settle()
            elif not mask & _LIGHT:
                self._step()
        self._settle()

    def _is_letter_alone(self, index: int) -> bool:
        """Whether a letter is no side ("R" anywhere but in "R kidney")."""
        entries = self._row.entries
        return entries[index].letter and not (index + 1 < len(entries) and entries[index + 1].sided)

    def _word(self, index: int) -> str:
        return self._row.words[self._row.first[index]]

    def _step(self) -> None:
        self._reach -= 1
        if self._reach < 0:
            self._settle()

    def _meet_side(self, index: int) -> None:
        side = self._row.entries[index].side
        if self._side and self._word(index) in _COUNTS:
            self._step()  # "left 2.3 cm renal mass"
            return
        links = lx.CONJUNCTION | lx.COMMA | lx.DETERMINER
        if self._side and all(mask & links for mask in self._masks[self._at + 1 : index]):
            side |= self._side
        else:
            self._settle()
        self._side, self._at, self._reach, self._carried = side, index, _REACH, 0
        if self._stands_alone(index):
            self._settle()

    def _stands_alone(self, index: int) -> bool:
        """Whether "and" ends a side's phrase, as in "shift to the right and collapse of the lung"."""
        masks = self._masks
        if index + 2 >= len(masks) or not masks[index + 1] & lx.CONJUNCTION:
            return False
        return not any(mask & (lx.SIDE | lx.TERM) for mask in masks[index + 2 : index + 4])

    def _meet_term(self, index: int) -> None:
        entry = self._row.entries[index]
        if not entry.sided:
            self._carried = 0 if entry.plural else self._carried
            self._step()
            return
        if self._side and self._joins_or_counts(index):
            self._side = 0
        if self._side:
            self._row.sides[index] = self._carried = self._side
            self._side = 0
        elif self._carried and self._continues(index):
            self._row.sides[index] = self._carried
        elif self._leading:
            self._row.sides[index] = self._leading
        self._leading = 0
        self._last_paired = index

    def _continues(self, index: int) -> bool:
        """Whether a term shares the side of the one before: "left renal and adrenal mass"."""
        if not self._row.elided.isdisjoint((index - 2, index - 1)):
            return True
        return bool(self._masks[index - 1] & (lx.CONJUNCTION | lx.TERM)) and not self._row.entries[index].plural

    def _joins_or_counts(self, index: int) -> bool:
        """Whether "both" joins two organs ("both kidney and liver") or "two" counts no organs ("two renal stones")."""
        word = self._word(self._at)
        entry = self._row.entries[index]
        if word in _COUNTS:
            organ = any(target.role == lx.NOUN and not target.lesion for target in entry.targets)
            return not (entry.plural and organ and index == self._at + 1)
        follows = index + 1 < len(self._masks) and bool(self._masks[index + 1] & lx.CONJUNCTION)
        return word == "both" and not entry.plural and follows

    def _settle(self) -> None:
        """End a side that met no organ: a second mention of the organ before it, or a side that leads."""
        side, self._side = self._side, 0
        if not side:
            return
        row, masks, at = self._row, self._masks, self._at
        before = at - 1
        if before > 0 and masks[before] & lx.DETERMINER:
            before -= 1
        if self._word(at) in _COUNTS or (before >= 0 and masks[before] & lx.DIRECTION):
            return
        if self._last_paired < 0:
            after_comma = at + 1 < len(masks) and masks[at + 1] & lx.COMMA
            if before >= 0 and masks[before] & lx.PREPOSITION and after_comma:
                self._leading |= side
            return
        last = self._last_paired
        if before >= 0 and masks[before] & lx.PREPOSITION and not row.sides[last] and not row.entries[last].plural:
            row.sides[last] = side
            return
        row.entries[at] = row.entries[last]
        masks[at] = lx.TERM
        row.sides[at] = side
