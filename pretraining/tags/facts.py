"""What a sentence can say about a tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pretraining.tags import lexicon as lx
from pretraining.tags.lexicon import Target
from pretraining.tags.states import ABSENT, PRESENT

Span = tuple[int, int]


class Fact(NamedTuple):
    """One statement about one tag.

    Attributes:
        tag: tag id.
        state: `present` or `absent`.
        strong: a weak `present` (from a description of the patient) counts only where the regions agree, a weak
            `absent` (an operation in the past) only where nothing shows the organ.
        start, end: character span in the sentence.
        rule: what decided.
        operation: the fact is an operation, which a history section may state.
    """

    tag: str
    state: str
    strong: bool
    start: int
    end: int
    rule: str
    operation: bool = False


def shown(target: Target, side: int, span: Span, *, strong: bool, rule: str, operation: bool = False) -> Iterator[Fact]:
    """The target's tag is present, and its sides as far as they are given."""
    yield Fact(target.tag, PRESENT, strong, *span, rule, operation)
    # Only one side exists: the middle lobe is the right lung's.
    single = target.paired and not side and not (target.left and target.right)
    if side & lx.LEFT or single:
        for tag in target.left:
            yield Fact(tag, PRESENT, strong, *span, rule, operation)
    if side & lx.RIGHT or single:
        for tag in target.right:
            yield Fact(tag, PRESENT, strong, *span, rule, operation)


def gone(
    target: Target, side: int, span: Span, *, whole: bool, strong: bool, rule: str, operation: bool = False
) -> Iterator[Fact]:
    """One side is absent, or the whole.

    Without a side an absent pair is absent only when `whole` says so: "status post nephrectomy" leaves one kidney.
    """
    if target.paired and side in (lx.LEFT, lx.RIGHT):
        for tag in target.left if side == lx.LEFT else target.right:
            yield Fact(tag, ABSENT, strong, *span, rule, operation)
    elif not target.paired or side == lx.BOTH or whole:
        yield Fact(target.tag, ABSENT, strong, *span, rule, operation)


def lesion_gone(lesion: Target, side: int, span: Span, rule: str) -> Iterator[Fact]:
    """A lesion is denied; weakly, for one that is seen elsewhere outweighs it ("no mass in the left lobe").

    A denial on one side leaves a lesion that has no sides open: "no mass in the left kidney".
    """
    if lesion.paired or not (lesion.left or lesion.right) or side not in (lx.LEFT, lx.RIGHT):
        yield from gone(lesion, side, span, whole=True, strong=False, rule=rule)
