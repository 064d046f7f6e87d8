"""One sentence as a row of items: phrases of the lexicon, marks, and other words."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce
from itertools import accumulate, repeat
from operator import attrgetter, or_

from pretraining.tags import lexicon as lx
from pretraining.tags.lexicon import Entry, Lexicon

_MASK = attrgetter("mask")
_STARTS = attrgetter("starts")
_HINTS = attrgetter("hints")
_SPLIT = re.compile(r"(\w+)").split

# A phrase does not run over these.
_HARD = frozenset(".,;:()?!")

_UP_TO = ("to", "through")
_SUFFIXES = {1: "st", 2: "nd", 3: "rd"}


class Row:
    """The items of one sentence, as parallel lists.

    Attributes:
        words: the sentence's lower-case words.
        entries: one entry an item.
        masks: the entries' bits.
        first: index of each item's first word; a mark has the index of the word after it.
        terms: indices of the items that name a tag.
        elided: terms that share the last words of the next one ("upper" in "upper and middle lobe").
        sides: for each item that is a term, the sides that the sentence gives it (0, LEFT, RIGHT, BOTH).
    """

    __slots__ = ("_lasts", "_parts", "elided", "entries", "first", "masks", "sides", "terms", "words")

    def __init__(self, parts: list[str], words: list[str]) -> None:
        self._parts = parts
        self._lasts: dict[int, int] = {}
        self.elided: set[int] = set()
        self.words = words
        self.entries: list[Entry] = []
        self.first: list[int] = []
        self.masks: list[int] = []
        self.terms: list[int] = []
        self.sides: list[int] = []

    def last(self, item: int) -> int:
        """Index of an item's last word."""
        return self._lasts.get(item, self.first[item])

    @property
    def has_phrases(self) -> bool:
        """Whether any item is a phrase of several words."""
        return bool(self._lasts)

    def phrases(self) -> list[int]:
        """The items that are phrases of several words."""
        return list(self._lasts)

    def is_phrase(self, item: int) -> bool:
        """Whether an item is a phrase of several words."""
        return item in self._lasts

    def add(self, entry: Entry, first: int, last: int) -> None:
        """Append a phrase of several words."""
        self._lasts[len(self.entries)] = last
        self.entries.append(entry)
        self.first.append(first)

    def find_terms(self) -> None:
        """List the terms anew, after items became terms."""
        term = lx.TERM
        self.terms = [index for index, mask in enumerate(self.masks) if mask & term]

    def ends(self) -> list[int]:
        """Where the sentence's parts end: word i stands from the entry 2i to the entry 2i + 1."""
        return list(accumulate(map(len, self._parts)))


def lower(text: str) -> str:
    """Lower case of the same length, so that spans stay valid."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


class Scanner:
    """Splits sentences into rows.

    Attributes:
        lesions: organ -> the lesions directly below it.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self.lesions = lexicon.lesions
        self._words = lexicon.words
        self._marks: dict[str, tuple[Entry, ...]] = {" ": (), "-": (), "": (), "\n": (), "'": (), "  ": (), "’": ()}

    def scan(self, sentence: str) -> Row | None:
        """The row of a sentence (in lower case), or None when it names no tag and no region."""
        parts: list[str] = _SPLIT(sentence)
        words = parts[1::2]
        alone = list(map(self._words.get, words, repeat(lx.PLAIN_WORD)))
        hints = reduce(or_, map(_HINTS, alone), 0)
        if not hints & lx.MAY_NAME:
            return None
        row = Row(parts, words)
        entries, first = row.entries, row.first
        done = 0
        for stop in self._stops(parts, words, alone):
            if stop < done:
                continue
            entries += alone[done:stop]
            first += range(done, stop)
            for mark in self._marks_before(parts, words, stop):
                entries.append(mark)
                first.append(stop)
            done = stop
            if stop + 1 < len(words):
                for length, rest, entry in self._lexicon.longer(words[stop], words[stop + 1]):
                    if self._matches(parts, words, stop, stop + length, rest):
                        row.add(entry, stop, stop + length - 1)
                        done = stop + length
                        break
        entries += alone[done:]
        first += range(done, len(words))
        row.masks = list(map(_MASK, entries))
        if hints & lx.MAY_NUMBER:
            self._fill_series(row, parts)
            self._fill_ordinals(row, parts)
        if row.has_phrases and lx.CONJUNCTION in row.masks:
            self._complete_lists(row)
        row.find_terms()
        row.sides = [0] * len(entries)
        return row

    def _stops(self, parts: list[str], words: list[str], alone: list[Entry]) -> list[int]:
        """The words before which a mark may stand, and those with which a longer phrase may start."""
        stops = [index for index, separator in enumerate(parts[2:-1:2], start=1) if separator != " "]
        last = len(words) - 1
        stops += [
            index
            for index, starts in enumerate(map(_STARTS, alone))
            if starts is not None and index < last and words[index + 1] in starts
        ]
        return sorted(set(stops))

    def _marks_before(self, parts: list[str], words: list[str], word: int) -> tuple[Entry, ...]:
        separator = parts[2 * word]
        if separator == " " or not word or (separator == ". " and words[word - 1] in self._lexicon.abbreviations):
            return ()
        known = self._marks.get(separator)
        return known if known is not None else self._classify(separator)

    def _matches(self, parts: list[str], words: list[str], index: int, stop: int, rest: tuple[str, ...]) -> bool:
        if stop > len(words) or (stop - index > 2 and tuple(words[index + 1 : stop]) != rest):
            return False
        return all(gap == " " or _HARD.isdisjoint(gap) for gap in parts[2 * index + 2 : 2 * stop : 2])

    def _classify(self, separator: str) -> tuple[Entry, ...]:
        """The marks in what stands between two words; short separators are remembered."""
        found: list[Entry] = []
        text = separator if len(separator) <= 8 else separator[:8]
        for character in text:
            if character == ",":
                found.append(lx.COMMA_MARK)
            elif character in ";?!":
                found.append(lx.BREAK_MARK)
            elif character in ":()[]":
                found.append(lx.COLON_MARK)
            elif character in "/&+":
                found.append(lx.AND_MARK)
            elif character in "-–—" and (" " in text or character != "-") and len(text) > 1:
                found.append(lx.COLON_MARK)
        if "." in text and len(text) > 1 and not found:
            found.append(lx.BREAK_MARK)
        result = tuple(found)
        if len(separator) <= 4 and len(self._marks) < 4096:
            self._marks[separator] = result
        return result

    def _complete_lists(self, row: Row) -> None:
        """Give list members their noun: "upper and middle lobe" names the upper lobe, too."""
        for position in row.phrases():
            if not row.masks[position] & lx.TERM:
                continue
            rest = tuple(row.words[row.first[position] + 1 : row.last(position) + 1])
            before = position
            while True:
                # "right lower and left upper lobe"
                link = before - (2 if row.masks[before - 1] & lx.SIDE else 1)
                if link < 1 or not row.masks[link] & (lx.CONJUNCTION | lx.COMMA) or row.is_phrase(link - 1):
                    break
                longer = self._lexicon.longer(row.words[row.first[link - 1]], rest[0])
                found = [entry for _, words, entry in longer if words == rest and entry.mask & lx.TERM]
                if not found or row.masks[link - 1] & lx.SIDE:
                    break
                before = link - 1
                row.entries[before], row.masks[before] = found[0], found[0].mask
                row.elided.add(before)

    def _fill_series(self, row: Row, parts: list[str]) -> None:
        """`L2-L4` names L3 too, and `L4-5` or `L4/5` names L5."""
        words, entries = row.words, row.entries
        for position in range(len(entries)):
            start = row.last(position)
            numbered = self._lexicon.series.get(words[start])
            if numbered is None or not row.masks[position] & lx.TERM:
                continue
            gap, end = parts[2 * start + 2].strip(), start + 1
            if not gap and end < len(words) and words[end] in _UP_TO:
                gap, end = "-", end + 1
            if gap not in ("-", "–", "/") or end >= len(words):
                continue
            letters, low = numbered
            other = self._lexicon.series.get(words[end], (letters, int(words[end])) if _is_number(words[end]) else None)
            if other is None or other[0] != letters or not low < other[1] <= low + 12:
                continue
            self._name_series(row, position, letters, range(low + 1, other[1] + 1))

    def _fill_ordinals(self, row: Row, parts: list[str]) -> None:
        """`3rd to 6th ribs` and `3rd-6th ribs` name the 3rd, the 4th and the 5th, too."""
        for position in row.phrases():
            last = row.first[position]
            first = last - 2 if last and row.words[last - 1] in _UP_TO else last - 1
            if first < 0 or (first == last - 1 and parts[2 * last].strip() not in ("-", "–")):
                continue
            low, high = (lx.ORDINAL.fullmatch(row.words[word]) for word in (first, last))
            if low is None or high is None:
                continue
            rest = tuple(row.words[last + 1 : row.last(position) + 1])
            names = (f"{number}{_SUFFIXES.get(number, 'th')}" for number in range(int(low[1]), int(high[1])))
            found = [e for name in names for _, words, e in self._lexicon.longer(name, rest[0]) if words == rest]
            if found:
                # The last item of this word: a mark before it has its index, too.
                item = position - 1 - row.first[position - 1 :: -1].index(first)
                targets = tuple(target for entry in found for target in entry.targets)
                row.entries[item] = replace(found[0], targets=targets)
                row.masks[item] = found[0].mask
                row.elided.add(item)

    def _name_series(self, row: Row, position: int, letters: str, numbers: range) -> None:
        entry = row.entries[position]
        targets = list(entry.targets)
        for number in numbers:
            found = self._words.get(f"{letters}{number}")
            if found is not None:
                targets.extend(found.targets)
        row.entries[position] = Entry(mask=entry.mask, targets=tuple(targets), sided=entry.sided, noun=entry.noun)


def _is_number(word: str) -> bool:
    return len(word) <= 2 and word.isascii() and word.isdigit()
