"""Lesions that a sentence names in two places, a finding and its organ: "a 2 cm mass in the left lobe of the liver"."""

from __future__ import annotations

from collections.abc import Iterator

from pretraining.tags import lexicon as lx
from pretraining.tags.absence import LINKS, skip
from pretraining.tags.facts import Fact, Span, lesion_gone
from pretraining.tags.lexicon import ADJECTIVE, NOUN, PART, Entry, Target
from pretraining.tags.scan import Row

NORMAL_ORGAN = "normal-organ"
"""The rule by which an organ said to be normal has no lesion."""

# The roles of an organ's word in which it can hold a lesion; an operation or a bed cannot.
_HOST_ROLES = (NOUN, PART, ADJECTIVE)
# "mass, 2 cm in diameter and stable since the last study, in the liver": so many items may stand up to the organ.
_REACH = 20


def compose_lesions(row: Row) -> None:
    """Make every finding that stands with an organ a term of the row, with the organ's sides.

    Args:
        row: a sentence whose sides are assigned; its terms and sides are extended.
    """
    masks = row.masks
    for index in [index for index, mask in enumerate(masks) if mask & lx.FINDING and not mask & lx.TERM]:
        hosts = _before(row, index) or _after(row, index) or _containing(row, index)
        tags = {target.tag for host in hosts for target in _organs(row, host)}
        benign = not masks[index] & lx.BENIGN and _turns_out_benign(masks, index)
        targets = tuple(
            finding.target
            for finding in row.entries[index].findings
            if not tags.isdisjoint(finding.hosts) and (finding.target.only_denied or not benign)
        )
        if not targets:
            continue
        known = row.entries[index]
        sided = any(target.left or target.right for target in targets)
        row.entries[index] = Entry(mask=known.mask | lx.TERM, targets=targets, sided=sided, noun=True)
        for host in hosts:
            row.sides[index] |= row.sides[host]
        masks[index] |= lx.TERM


def _turns_out_benign(masks: list[int], index: int) -> bool:
    """Whether the finding is said to be no tumor: "lesions in the liver, compatible with simple cysts"."""
    explained = False
    for mask in masks[index + 1 : index + 1 + _REACH]:
        if mask & lx.BENIGN and explained:
            return True
        if mask & (lx.BREAK | lx.NEGATION | lx.CONJUNCTION | lx.FINDING):
            break
        explained = bool(mask & lx.EXPLANATION) or (explained and not mask & lx.COMMA)
    return False


def _organs(row: Row, item: int) -> list[Target]:
    return [t for t in row.entries[item].targets if t.role in _HOST_ROLES and not t.lesion]


def _before(row: Row, index: int) -> list[int]:
    """The organ right before the finding, over adjectives: "hepatic mass", "renal cortical cysts"."""
    masks = row.masks
    for position in range(index - 1, max(-1, index - 4), -1):
        if masks[position] & lx.TERM:
            return _linked(row, position, -1) if _organs(row, position) else []
        if masks[position] & ~(lx.WORD | lx.FINDING | lx.FILLER):
            break
    return []


def _after(row: Row, index: int) -> list[int]:
    """The organ after the finding and a preposition: "a cyst (2 cm) is seen in the upper pole of the left kidney"."""
    masks = row.masks
    parentheses, located = 0, False
    for position in range(index + 1, min(index + 1 + _REACH, len(masks))):
        mask = masks[position]
        if mask & lx.TERM:
            return _linked(row, position, 1) if located and not parentheses % 2 and _organs(row, position) else []
        if mask & (lx.BREAK | lx.NEGATION | lx.ABSENT_AFTER):
            break
        parentheses += bool(mask & lx.COLON)
        if mask & (lx.PREPOSITION | lx.OF):
            located = bool(mask & lx.LOCATOR)
    return []


def _containing(row: Row, index: int) -> list[int]:
    """The organ that is said to have the finding: "the right kidney contains a mass", "Liver: no focal lesion"."""
    masks = row.masks
    contained = False
    for position in range(index - 1, max(-1, index - 1 - _REACH), -1):
        mask = masks[position]
        if mask & lx.BREAK:
            break
        if mask & (lx.CONTAINER | lx.COLON | lx.SCOPE_END):
            contained = True
        elif mask & (lx.PREPOSITION | lx.OF) and not contained:
            break
        if mask & lx.TERM and not mask & lx.FINDING:
            return _linked(row, position, -1) if contained and _organs(row, position) else []
    return []


def _linked(row: Row, item: int, step: int) -> list[int]:
    """An organ and those that are listed with it: "cysts in the liver and both kidneys"."""
    masks = row.masks
    found = [item]
    while True:
        position = skip(masks, item + step, step, LINKS | lx.DETERMINER | lx.SIDE)
        linked = any(mask & LINKS for mask in masks[item + step : position : step])
        if not linked or not 0 <= position < len(masks) or not _organs(row, position):
            return found
        found.append(position)
        item = position


def unharmed(row: Row, chain: list[int], lesions: dict[str, tuple[Target, ...]], span: Span) -> Iterator[Fact]:
    """The lesions that organs said to be normal do not have.

    Args:
        row: the sentence.
        chain: items of the organs.
        lesions: those of each organ.
        span: of the words that decide.
    """
    for item in chain:
        for target in row.entries[item].targets:
            if target.role != NOUN or target.lesion:
                continue
            for lesion in lesions.get(target.tag, ()):
                yield from lesion_gone(lesion, row.sides[item], span, NORMAL_ORGAN)
