"""Every phrase that the miner knows, ready for one pass over a sentence's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from pretraining.tags.rules import Rules
from pretraining.tags.vocabulary import Tag, Vocabulary

# What a phrase can do in a sentence. A phrase may do several things, so these are bits.
TERM = 1 << 0
SIDE = 1 << 1
DETERMINER = 1 << 2
OF = 1 << 3
PREPOSITION = 1 << 4
CONJUNCTION = 1 << 5
COMMA = 1 << 6
COLON = 1 << 7  # also a spaced dash and a parenthesis: "Gallbladder: absent", "gallbladder (absent)"
COPULA = 1 << 8
FILLER = 1 << 9
BREAK = 1 << 10
ABSENT_BEFORE = 1 << 11
ABSENT_AFTER = 1 << 12
ABSENCE_NOUN = 1 << 13
EMPTY = 1 << 14
NEGATION = 1 << 15
SEEN = 1 << 16
TAIL = 1 << 17
PARTIAL = 1 << 18
DONE = 1 << 19
DONE_AFTER = 1 << 20
NOT_DONE = 1 << 21
NOT_DONE_AFTER = 1 << 22
HISTORY = 1 << 23
OTHER_PEOPLE = 1 << 24
DESCRIPTION = 1 << 25
ORIGIN = 1 << 26
ORIGIN_NOUN = 1 << 27
ADVICE = 1 << 28
MODALITY = 1 << 29
SCOPE_END = 1 << 30
REGION = 1 << 31
DIRECTION = 1 << 32
WORD = 1 << 33  # any other word, and phrases that hide an organ's word
FINDING = 1 << 34  # names a lesion together with an organ: "mass"
CONTAINER = 1 << 35  # "the liver contains a mass"
LOCATOR = 1 << 36  # "a mass in the liver", not "a mass beside the liver"
NORMAL = 1 << 37
OTHERWISE = 1 << 38  # "otherwise normal"
OUT_OF_VIEW = 1 << 39  # "not included": said of all of a pair
EARLIER = 1 << 40  # "not seen on the prior study" says nothing of this one
COMPARISON = 1 << 41
CHANGE = 1 << 42  # "no change in the mass" does not deny the mass
LESION_DENIED = 1 << 43  # before a lesion, and never of an organ: "free of"
LESION_GONE = 1 << 44  # after a lesion: "resolved"
LESION_OPEN = 1 << 45  # before or after: "no new", "unlikely"
NOT_APPLICABLE = 1 << 46
EXPLANATION = 1 << 47
BENIGN = 1 << 48  # what a lesion turns out to be: "compatible with simple cysts"

LEFT, RIGHT, BOTH = 1, 2, 3

MAY_NAME = 1  # a tag or a region
MAY_NUMBER = 2  # a numbered bone

NOUN, PART, ADJECTIVE, DISEASE = "name", "part", "adjective", "disease"
REMOVAL, PARTIAL_REMOVAL, BED = "removal", "partial-removal", "bed"

_WORDS = re.compile(r"\w+")

_NUMBERED = re.compile(r"([a-z]+)([0-9]+)")
ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")

_RULE_BITS = (
    ("determiners", DETERMINER), ("of", OF), ("prepositions", PREPOSITION), ("conjunctions", CONJUNCTION),
    ("copulas", COPULA), ("fillers", FILLER), ("breaks", BREAK), ("absent_before", ABSENT_BEFORE),
    ("absent_after", ABSENT_AFTER), ("absence_nouns", ABSENCE_NOUN), ("empty", EMPTY), ("negations", NEGATION),
    ("seen", SEEN), ("head_tails", TAIL), ("partial", PARTIAL), ("done", DONE), ("done_after", DONE_AFTER),
    ("not_done", NOT_DONE), ("not_done_after", NOT_DONE_AFTER), ("history", HISTORY), ("other_people", OTHER_PEOPLE),
    ("patient_description", DESCRIPTION), ("origin", ORIGIN), ("origin_nouns", ORIGIN_NOUN), ("advice", ADVICE),
    ("modalities", MODALITY), ("scope_end", SCOPE_END), ("directions", DIRECTION), ("containers", CONTAINER),
    ("locators", LOCATOR),
    ("normal", NORMAL), ("otherwise", OTHERWISE), ("out_of_view", ABSENT_AFTER | OUT_OF_VIEW),
    ("earlier", EARLIER | PREPOSITION),
    ("comparison", COMPARISON), ("changes", CHANGE), ("lesion_denied", LESION_DENIED), ("lesion_gone", LESION_GONE),
    ("lesion_open", LESION_OPEN), ("explanations", EXPLANATION), ("benign", BENIGN), ("not_applicable", NOT_APPLICABLE),
)  # fmt: skip

_SIDE_BITS = (("left", LEFT), ("right", RIGHT), ("both", BOTH))

_ROLES = (
    ("names", NOUN), ("synonyms", NOUN), ("parts", PART), ("adjectives", ADJECTIVE), ("diseases", DISEASE),
    ("removals", REMOVAL), ("partial_removals", PARTIAL_REMOVAL), ("beds", BED),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """What one phrase says about one tag."""

    tag: str
    role: str
    paired: bool
    """The tag itself has sides."""
    left: tuple[str, ...]
    """Ids that a left side adds: the tag's own left one, or its parent's (`left renal mass` adds `kidney_left`)."""
    right: tuple[str, ...]
    side_required: bool
    lesion: bool
    only_denied: bool = False
    """A lesion that the phrase denies under a negation, and does not place ("no renal lesion", "a renal lesion")."""
    organs: tuple[str, ...] = ()
    """Ids of the organs right above a lesion."""


class Finding(NamedTuple):
    """The lesion that a noun ("mass") names beside an organ's word.

    Attributes:
        target: the lesion. hosts: tag ids of the organs.
    """

    target: Target
    hosts: frozenset[str]


@dataclass(slots=True)
class Entry:
    """One phrase.

    Attributes:
        mask: what it does.
        targets: what it says about tags.
        plural: it is a plural.
        sided: some target can take a side.
        noun: some target is the organ itself or a part, so that the phrase can be the head of a noun phrase.
        side: for a side, which one (LEFT, RIGHT, BOTH).
        letter: a side only right before a paired organ.
        regions: body regions that it names.
        findings: the lesions that it names beside an organ.
        starts: for a single word, the longer phrases that start with it, by their second word.
        hints: for a single word, what a sentence with it may hold (MAY_NAME, MAY_NUMBER): a sentence's words are looked
            up once, and their hints say whether there is anything to read.
    """

    mask: int = 0
    targets: tuple[Target, ...] = ()
    plural: bool = False
    sided: bool = False
    noun: bool = False
    side: int = 0
    letter: bool = False
    regions: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    starts: dict[str, tuple[Longer, ...]] | None = None
    hints: int = 0


class Longer(NamedTuple):
    """A phrase of several words: their number, all words but the first, and its entry."""

    length: int
    rest: tuple[str, ...]
    entry: Entry


COMMA_MARK = Entry(mask=COMMA)
COLON_MARK = Entry(mask=COLON)
BREAK_MARK = Entry(mask=BREAK)
AND_MARK = Entry(mask=CONJUNCTION)
PLAIN_WORD = Entry(mask=WORD)


@dataclass(frozen=True)
class Lexicon:
    """Phrases by their words.

    Attributes:
        words: every word that is a phrase or starts one -> its entry.
        series: words that number a bone: `l4` -> (`l`, 4).
        lesions: organ -> the lesions directly below it.
        abbreviations: words whose full stop ends nothing.
    """

    words: dict[str, Entry]
    series: dict[str, tuple[str, int]]
    lesions: dict[str, tuple[Target, ...]]
    abbreviations: frozenset[str]

    def longer(self, first: str, second: str) -> tuple[Longer, ...]:
        """The phrases that start with two words, longest first."""
        entry = self.words.get(first)
        return () if entry is None or entry.starts is None else entry.starts.get(second, ())


def words_of(phrase: str) -> tuple[str, ...]:
    """The lower-case words of a phrase; punctuation and hyphens separate words."""
    return tuple(_WORDS.findall(phrase.lower()))


def plural_of(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The regular English plural of a phrase, or None when its last word does not take one."""
    last = words[-1]
    if len(last) < 3 or not last.isalpha() or "of" in words:
        return None
    if last.endswith("sis") or last.endswith("xis"):
        return (*words[:-1], last[:-2] + "es")
    if last.endswith("y") and last[-2] not in "aeiou":
        return (*words[:-1], last[:-1] + "ies")
    if last.endswith(("s", "x", "z", "ch", "sh")):
        return (*words[:-1], last + "es")
    return (*words[:-1], last + "s")


def build_lexicon(vocabulary: Vocabulary, rules: Rules) -> Lexicon:
    """Compile all phrases of a vocabulary and of the language's rules."""
    phrases: dict[tuple[str, ...], Entry] = {}
    for name, bit in _RULE_BITS:
        for phrase in getattr(rules, name):
            _entry(phrases, words_of(phrase)).mask |= bit
    for name, side in _SIDE_BITS:
        for phrase in getattr(rules, name):
            entry = _entry(phrases, words_of(phrase))
            entry.mask |= SIDE
            entry.side = side
    for letter, name in rules.side_letters.items():
        entry = _entry(phrases, (letter,))
        entry.mask |= SIDE
        entry.side = LEFT if name == "left" else RIGHT
        entry.letter = True
    for phrase in rules.not_a_side:
        _entry(phrases, words_of(phrase)).mask |= WORD
    for name, region in vocabulary.regions.items():
        for phrase in region.terms:
            entry = _entry(phrases, words_of(phrase))
            entry.mask |= REGION
            entry.regions = (*entry.regions, name)
    for tag in vocabulary:
        for words, target, plural in _tag_phrases(tag, vocabulary):
            both = target.role == REMOVAL and " ".join(words) in rules.bilateral_operations
            entry = _entry(phrases, words)
            _add_target(entry, target, plural or both)
            if len(words) > 1 and words[-1] in rules.spread:
                entry.mask |= ORIGIN
        for words, target in _sides_inside(tag, vocabulary):
            _add_target(_entry(phrases, words), target, False)
        for words, finding in _findings(tag, vocabulary):
            entry = _entry(phrases, words)
            entry.mask |= FINDING
            entry.findings = (*entry.findings, finding)
        for phrase in tag.exclude:
            for words in _with_plural(words_of(phrase)):
                _entry(phrases, words).mask |= WORD
    return _by_first_word(phrases, _lesions(vocabulary), rules.abbreviations)


def _entry(phrases: dict[tuple[str, ...], Entry], words: tuple[str, ...]) -> Entry:
    return phrases.setdefault(words, Entry())


def _with_plural(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    plural = plural_of(words)
    if plural is not None:
        yield plural


def _tag_phrases(tag: Tag, vocabulary: Vocabulary) -> Iterator[tuple[tuple[str, ...], Target, bool]]:
    for name, role in _ROLES:
        target = _target(tag, role, vocabulary)
        for phrase in getattr(tag, name):
            words = words_of(phrase)
            # "left kidney", "kidney on the left", "both kidneys" are the business of the side rules.
            if not words or (tag.side_of is not None and words[0] in ("left", "right") and name == "names"):
                continue
            yield words, target, _looks_plural(words[-1])
            plural = plural_of(words) if role not in (ADJECTIVE,) else None
            if plural is not None:
                yield plural, target, True


def _sides_inside(tag: Tag, vocabulary: Vocabulary) -> Iterator[tuple[tuple[str, ...], Target]]:
    """Names of a pair with the side before their last word: "third left rib", "upper right lobe"."""
    for side, side_id in vocabulary.sides.get(tag.id, {}).items():
        target = _target(vocabulary[side_id], NOUN, vocabulary)
        for phrase in tag.nouns:
            words = words_of(phrase)
            if len(words) > 1:
                yield (*words[:-1], side, words[-1]), target


def _findings(tag: Tag, vocabulary: Vocabulary) -> Iterator[tuple[tuple[str, ...], Finding]]:
    """Nouns that are the tag's lesion in the organ above it, or deny it: "mass" in the liver."""
    if not (tag.findings or tag.denied_findings):
        return
    organs = _organs_above(tag, vocabulary)
    hosts = frozenset(
        other.id
        for other in vocabulary
        if other.kind == "organ" and not {other.id, *vocabulary.ancestors(other.id)}.isdisjoint(organs)
    )
    target = _target(tag, NOUN, vocabulary)
    for nouns, only_denied in ((tag.findings, False), (tag.denied_findings, True)):
        for noun in nouns:
            for words in _with_plural(words_of(noun)):
                yield words, Finding(replace(target, only_denied=only_denied), hosts)


def _lesions(vocabulary: Vocabulary) -> dict[str, tuple[Target, ...]]:
    found: dict[str, tuple[Target, ...]] = {}
    for tag in vocabulary:
        if tag.kind == "lesion" and tag.laterality is None:
            for parent in tag.parents:
                found[parent] = (*found.get(parent, ()), _target(tag, NOUN, vocabulary))
    return found


def _looks_plural(word: str) -> bool:
    return word.endswith(("ae", "ices", "yces", "tria", "ora", "rae", "testes", "hila", "pelves"))


def _target(tag: Tag, role: str, vocabulary: Vocabulary) -> Target:
    own = vocabulary.sides.get(tag.id, {})
    added: dict[str, tuple[str, ...]] = {}
    for side in ("left", "right"):
        if own:
            added[side] = (own[side],) if side in own else ()
        elif tag.laterality is None:
            pairs = (vocabulary.sides.get(parent, {}) for parent in tag.parents)
            added[side] = tuple(pair[side] for pair in pairs if side in pair)
        else:
            added[side] = ()
    return Target(
        tag=tag.id,
        role=role,
        paired=bool(own),
        left=added["left"],
        right=added["right"],
        side_required=tag.side_required,
        lesion=tag.kind == "lesion",
        organs=_organs_above(tag, vocabulary) if tag.kind == "lesion" else (),
    )


def _organs_above(tag: Tag, vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(parent for parent in tag.parents if parent in vocabulary and vocabulary[parent].kind == "organ")


def _add_target(entry: Entry, target: Target, plural: bool) -> None:
    if any(known.tag == target.tag and known.role == target.role for known in entry.targets):
        return
    entry.mask |= TERM
    entry.targets = (*entry.targets, target)
    entry.plural = entry.plural or plural
    entry.sided = entry.sided or bool(target.left or target.right)
    entry.noun = entry.noun or target.role in (NOUN, PART)


def _by_first_word(
    phrases: dict[tuple[str, ...], Entry], lesions: dict[str, tuple[Target, ...]], abbreviations: frozenset[str]
) -> Lexicon:
    known = {words[0]: entry for words, entry in phrases.items() if len(words) == 1}
    grouped: dict[str, dict[str, list[Longer]]] = {}
    for words, entry in phrases.items():
        if len(words) > 1:
            seconds = grouped.setdefault(words[0], {})
            seconds.setdefault(words[1], []).append(Longer(len(words), words[1:], entry))
    for word, found in grouped.items():
        entry = known.setdefault(word, Entry(mask=WORD))
        entry.starts = {
            second: tuple(sorted(longer, key=lambda item: (-item.length, item.rest)))
            for second, longer in found.items()
        }
    for words, entry in phrases.items():
        if words and entry.mask & (TERM | REGION):
            known[words[0]].hints |= MAY_NAME | (MAY_NUMBER if ORDINAL.fullmatch(words[0]) else 0)
    series = {
        word: (match[1], int(match[2]))
        for word, entry in known.items()
        if entry.mask & TERM and (match := _NUMBERED.fullmatch(word))
    }
    for word in series:
        known[word].hints |= MAY_NUMBER
    return Lexicon(known, series, lesions, abbreviations)
