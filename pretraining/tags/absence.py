"""When a sentence says that an organ is gone, was never there, or cannot be seen."""

from __future__ import annotations

from pretraining.tags import lexicon as lx
from pretraining.tags.scan import Row

_WITHIN = lx.DETERMINER | lx.SIDE | lx.FILLER
LINKS = lx.COMMA | lx.CONJUNCTION
# What may stand after an organ that is the head of its phrase; any other word is the head instead ("kidney stone").
_AFTER_HEAD = (
    lx.PREPOSITION | lx.OF | lx.COPULA | lx.COMMA | lx.COLON | lx.BREAK | lx.CONJUNCTION | lx.SEEN | lx.TAIL
    | lx.SCOPE_END | lx.DONE | lx.ABSENT_AFTER | lx.DESCRIPTION | lx.NEGATION
)  # fmt: skip
ABSENCES = lx.ABSENT_BEFORE | lx.ABSENT_AFTER | lx.ABSENCE_NOUN | lx.EMPTY | lx.NEGATION | lx.NOT_APPLICABLE
# What speaks of lesions only, or of these too.
LESION_ABSENCES = lx.NEGATION | lx.ABSENT_BEFORE | lx.LESION_DENIED | lx.LESION_GONE | lx.LESION_OPEN
_LESION_NEGATIONS = lx.NEGATION | lx.ABSENT_BEFORE | lx.LESION_DENIED
# A negation does not reach a lesion over these: "no fever, MRI of a brain tumor".
_NEGATION_ENDS = lx.COPULA | lx.BREAK | lx.COLON | lx.SCOPE_END
# After "change": "in", "of", "in size".
_CHANGED = lx.PREPOSITION | lx.OF | lx.OTHERWISE
# "nodule in the posterior segment of the right lower lobe is no longer seen": so many items may stand between.
_REACH = 12


def find_absent(row: Row, exempt: frozenset[str]) -> dict[int, str]:
    """The terms that a row says to be absent.

    Args:
        row: a sentence whose sides are assigned.
        exempt: tags of which there are many: "no lymph nodes" does not make them absent.

    Returns:
        Item index -> name of the rule.
    """
    found: dict[int, str] = {}
    masks = row.masks
    for index, mask in enumerate(masks):
        if not mask & ABSENCES:
            continue
        if mask & lx.ABSENT_AFTER:
            if index + 1 < len(masks) and masks[index + 1] & lx.EARLIER:
                continue
            if _take(found, _subjects(row, index), "out-of-view" if mask & lx.OUT_OF_VIEW else "absent-after"):
                continue
        if mask & lx.NOT_APPLICABLE:
            _take(found, _subjects(row, index), "not-applicable")
        if mask & lx.ABSENCE_NOUN and _take(found, _agenesis(row, index), "agenesis"):
            continue
        if mask & lx.ABSENT_BEFORE:
            _take(found, _objects(row, index), "absent-before")
        if mask & lx.EMPTY:
            _take(found, _emptied(row, index), "empty-bed")
        if mask & lx.NEGATION:
            chain = _negated(row, index, exempt)
            _take(found, chain, "empty-bed" if _is_in_bed(row, chain) else "no-organ")
    return found


def find_lesion_states(row: Row) -> dict[int, bool]:
    """The lesion terms that a row denies (True), or of which it leaves open whether they are there (False).

    Before it stands a negation ("no focal liver lesion", "without pleural or pericardial effusion"), after it what has
    become of it ("pleural effusion: none", "the nodule in the left lung has resolved").
    """
    masks = row.masks
    found: dict[int, bool] = {}
    denied: bool | None = None
    for index, mask in enumerate(masks):
        if mask & (lx.LESION_GONE | lx.LESION_OPEN) and (lesion := _lesion_before(row, index)) >= 0:
            found[lesion] = bool(mask & lx.LESION_GONE)
            denied = None
        elif mask & lx.LESION_OPEN:
            denied = False
        elif mask & _LESION_NEGATIONS:
            denied = True
        elif (mask & _NEGATION_ENDS and not mask & lx.FILLER) or _is_change(masks, index):
            denied = None
        elif denied is not None and mask & lx.TERM:
            found.setdefault(index, denied)
    return found


def _is_change(masks: list[int], index: int) -> bool:
    """Whether what is denied is a change of what follows: "no increase in size of the mass"."""
    return bool(masks[index] & lx.CHANGE) and index + 1 < len(masks) and bool(masks[index + 1] & _CHANGED)


def _lesion_before(row: Row, trigger: int) -> int:
    """The lesion of which "... has resolved" is said, over the organ that it is in; -1 when there is none."""
    masks = row.masks
    # "Pleural effusion: no." denies it, "pleural effusion, no mass" the mass.
    if masks[trigger] & lx.NEGATION and trigger + 1 < len(masks) and not masks[trigger + 1] & (lx.COMMA | lx.BREAK):
        return -1
    start = skip(masks, trigger - 1, -1, lx.COPULA | lx.FILLER | lx.COLON)
    for position in range(start, max(-1, start - _REACH), -1):
        if masks[position] & (lx.BREAK | lx.COMMA | lx.COLON | lx.COPULA | lx.NEGATION):
            break
        if any(target.lesion for target in row.entries[position].targets):
            return position
    return -1


def normal_organs(row: Row) -> dict[int, list[int]]:
    """Word for "normal" -> the organs that it is said of; none where the sentence goes on to say otherwise."""
    if any(mask & lx.OTHERWISE for mask in row.masks):
        return {}
    return {
        index: _subjects(row, index) or _objects(row, index)
        for index, mask in enumerate(row.masks)
        if mask & lx.NORMAL and not (index and row.masks[index - 1] & lx.NEGATION)
    }


def _take(found: dict[int, str], terms: list[int], rule: str) -> bool:
    for term in terms:
        found.setdefault(term, rule)
    return bool(terms)


def skip(masks: list[int], index: int, step: int, over: int) -> int:
    """The first position from `index` on, in steps of `step`, that is not one of `over`, or names a tag."""
    while 0 <= index < len(masks) and masks[index] & over and not masks[index] & lx.TERM:
        index += step
    return index


def _subjects(row: Row, trigger: int) -> list[int]:
    """The organs of which "... is not seen" is said; none behind a preposition ("tail of the pancreas")."""
    masks = row.masks
    index = skip(masks, trigger - 1, -1, lx.COPULA | lx.FILLER | lx.COLON)
    if index < 0 or not masks[index] & lx.TERM or not row.entries[index].noun:
        return []
    chain = [index]
    index = skip(masks, index - 1, -1, lx.DETERMINER | lx.SIDE)
    while index > 0 and masks[index] & LINKS:
        before = skip(masks, index - 1, -1, LINKS)
        if before < 0 or not masks[before] & lx.TERM:
            break
        if row.entries[before].noun:
            chain.append(before)
        index = skip(masks, before - 1, -1, lx.DETERMINER | lx.SIDE)
    index = skip(masks, index, -1, _WITHIN)
    if index >= 0 and masks[index] & (lx.PREPOSITION | lx.OF | lx.PARTIAL | lx.NEGATION):
        return []
    return chain


def _objects(row: Row, trigger: int) -> list[int]:
    """The organs right after "absence of"."""
    masks = row.masks
    index = skip(masks, trigger + 1, 1, _WITHIN)
    chain: list[int] = []
    while index < len(masks) and masks[index] & lx.TERM:
        if not row.entries[index].noun:
            return []
        chain.append(index)
        index = skip(masks, index + 1, 1, lx.SIDE)
        after = skip(masks, index, 1, LINKS | lx.DETERMINER | lx.SIDE)
        if after == index or after >= len(masks) or not masks[after] & lx.TERM:
            break
        index = after
    if index < len(masks) and not masks[index] & _AFTER_HEAD:
        return []
    return chain


def _agenesis(row: Row, trigger: int) -> list[int]:
    """The term right before the noun, unless it is denied: "left renal agenesis"."""
    index = trigger - 1
    if index < 0 or not row.masks[index] & lx.TERM:
        return []
    before = skip(row.masks, index - 1, -1, _WITHIN)
    if before >= 0 and row.masks[before] & lx.NEGATION:
        return []
    entry = row.entries[index]
    if not entry.noun and entry.sided and not row.sides[index]:
        return []
    return [index]


def _is_in_bed(row: Row, chain: list[int]) -> bool:
    """Whether an organ is denied in its place only ("no kidney in the left renal fossa"); it takes the place's side."""
    if not chain:
        return False
    masks = row.masks
    index = skip(masks, chain[-1] + 1, 1, lx.COPULA | lx.FILLER | lx.SEEN | lx.PREPOSITION | _WITHIN)
    if index >= len(masks) or not any(target.role == lx.BED for target in row.entries[index].targets):
        return False
    for item in chain:
        row.sides[item] |= row.sides[index]
    return True


def _emptied(row: Row, trigger: int) -> list[int]:
    masks = row.masks
    for index in (
        skip(masks, trigger + 1, 1, _WITHIN),
        skip(masks, trigger - 1, -1, lx.COPULA | lx.FILLER | lx.COLON),
    ):
        inside = 0 <= index < len(masks)
        if inside and any(target.role == lx.BED for target in row.entries[index].targets):
            return [index]
    return []


def _negated(row: Row, trigger: int, exempt: frozenset[str]) -> list[int]:
    """The organs that are denied as such: "no gallbladder", "no right kidney is seen"."""
    masks = row.masks
    chain = _objects(row, trigger)
    if not chain:
        return []
    after = chain[-1] + 1
    if after < len(masks) and masks[after] & (lx.OF | lx.DONE | lx.TAIL) and not masks[after] & lx.SEEN:
        return []
    if after < len(masks) and masks[after] & lx.COPULA:
        verb = skip(masks, after, 1, lx.COPULA | lx.FILLER)
        if verb < len(masks) and not masks[verb] & (lx.SEEN | lx.SCOPE_END):
            return []
    if any(target.tag in exempt for index in chain for target in row.entries[index].targets):
        return []
    return chain
