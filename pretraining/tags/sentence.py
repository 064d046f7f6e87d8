"""What one sentence says about each tag, whatever section it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_

from pretraining.tags import lexicon as lx
from pretraining.tags.absence import ABSENCES, LESION_ABSENCES, find_absent, find_lesion_states, normal_organs
from pretraining.tags.facts import Fact, Span, gone, lesion_gone, shown
from pretraining.tags.lesions import compose_lesions, unharmed
from pretraining.tags.lexicon import Target
from pretraining.tags.operations import read_operation
from pretraining.tags.rules import Rules
from pretraining.tags.scan import Row, Scanner
from pretraining.tags.scopes import SCOPES, ScopeReader, named_regions
from pretraining.tags.sides import assign_sides
from pretraining.tags.states import PRESENT


@dataclass(frozen=True)
class SentenceFacts:
    """All facts of a sentence, and the body regions that it names."""

    facts: tuple[Fact, ...] = ()
    regions: tuple[str, ...] = ()


NOTHING = SentenceFacts()


class SentenceReader:
    """Reads single sentences; the same sentence always gives the same facts."""

    def __init__(self, scanner: Scanner, rules: Rules) -> None:
        self._scanner = scanner
        self._scopes = ScopeReader(rules)
        self._exempt = rules.never_bare_negated
        self._never_absent = rules.never_absent
        self._native = rules.native

    def read(self, sentence: str) -> SentenceFacts:
        """The facts of one sentence, given in lower case."""
        row = self._scanner.scan(sentence)
        return NOTHING if row is None else self.read_row(row)

    def read_row(self, row: Row) -> SentenceFacts:
        """The facts of a scanned sentence."""
        masks = row.masks
        every = reduce(or_, masks, 0)
        scopes = self._scopes.scopes(row) if every & SCOPES else None
        regions = named_regions(row, scopes) if every & lx.REGION else ()
        if not row.terms:
            return SentenceFacts((), regions) if regions else NOTHING
        if every & lx.SIDE and any(row.entries[index].sided for index in row.terms):
            assign_sides(row)
            row.find_terms()
        if every & lx.FINDING:
            compose_lesions(row)
            row.find_terms()
        absent = find_absent(row, self._exempt) if every & ABSENCES else {}
        lesions = find_lesion_states(row) if every & LESION_ABSENCES else {}
        ends = row.ends()
        facts: list[Fact] = []
        for index in row.terms:
            scope = scopes[index] if scopes is not None else 0
            if scope & (lx.OTHER_PEOPLE | lx.ADVICE | lx.ORIGIN | lx.COMPARISON):
                continue
            span = ends[2 * row.first[index]], ends[2 * row.last(index) + 1]
            rule = absent.get(index)
            for target in row.entries[index].targets:
                if target.side_required and not row.sides[index]:
                    continue
                if target.lesion:
                    denied = True if rule is not None else lesions.get(index)
                    facts.extend(_lesion(target, row.sides[index], span, scope, denied))
                elif target.role in (lx.REMOVAL, lx.PARTIAL_REMOVAL):
                    facts.extend(_operation(row, index, target, span, scope))
                else:
                    facts.extend(self._organ(row, index, target, span, scope, rule))
        if every & lx.NORMAL:
            for word, chain in normal_organs(row).items():
                if scopes is not None and scopes[word] & (lx.OTHER_PEOPLE | lx.HISTORY):
                    continue
                span = ends[2 * row.first[word]], ends[2 * row.last(word) + 1]
                facts.extend(unharmed(row, chain, self._scanner.lesions, span))
        return SentenceFacts(tuple(facts), regions)

    def _organ(
        self, row: Row, index: int, target: Target, span: Span, scope: int, absence: str | None
    ) -> Iterator[Fact]:
        side, plural = row.sides[index], row.entries[index].plural
        if absence == "empty-bed":
            # Weakly: the organ may lie elsewhere.
            if target.role in (lx.NOUN, lx.BED):
                yield from gone(target, side, span, whole=plural, strong=False, rule=absence)
        elif target.role == lx.BED or absence == "not-applicable":
            return  # Neither what an organ leaves behind places it, nor a line of a template.
        elif absence is not None and self._is_gone(row, index, target, absence):
            before = row.words[max(0, row.first[index] - 2) : row.first[index]]
            # "The kidney is absent", "the other ovary is not seen": one of the two.
            whole = plural or absence in ("no-organ", "out-of-view")
            yield from gone(target, side, span, whole=whole, strong=self._native.isdisjoint(before), rule=absence)
        elif not scope & lx.HISTORY:
            yield from shown(target, side, span, strong=not scope & lx.DESCRIPTION, rule=target.role)

    def _is_gone(self, row: Row, index: int, target: Target, absence: str) -> bool:
        """Whether a found absence is that of the whole organ."""
        if target.tag in self._never_absent:
            return False
        if not target.paired and index and row.masks[index - 1] & lx.SIDE:
            return False  # "absence of the left sacrum": half of an organ that has no sides
        return target.role == lx.NOUN or (absence == "agenesis" and target.role == lx.ADJECTIVE)


def _operation(row: Row, index: int, target: Target, span: Span, scope: int) -> Iterator[Fact]:
    operation = read_operation(row, index)
    side = row.sides[index]
    if operation.denied:
        return
    if operation.partial or target.role == lx.PARTIAL_REMOVAL:
        strong = not scope & (lx.HISTORY | lx.DESCRIPTION)
        yield from shown(target, side, span, strong=strong, rule=lx.PARTIAL_REMOVAL, operation=True)
    else:
        strong = operation.done and not scope & lx.HISTORY
        whole = row.entries[index].plural
        yield from gone(target, side, span, whole=whole, strong=strong, rule=lx.REMOVAL, operation=True)


def _lesion(target: Target, side: int, span: Span, scope: int, denied: bool | None) -> Iterator[Fact]:
    """A lesion that is denied, left open (False), or neither (None)."""
    if scope & lx.HISTORY:
        return
    strong = not scope & lx.DESCRIPTION
    if denied:
        yield from lesion_gone(target, side, span, "lesion-denied")
    elif denied is False:
        for organ in target.organs:
            yield Fact(organ, PRESENT, strong, *span, "lesion-open")
    elif not target.only_denied:
        yield from shown(target, side, span, strong=strong, rule="lesion")
