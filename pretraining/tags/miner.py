"""The organ-tag miner: a report in, tag states out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from pretraining.tags.facts import Fact
from pretraining.tags.hierarchy import Hierarchy
from pretraining.tags.lexicon import build_lexicon
from pretraining.tags.questions import QuestionReader
from pretraining.tags.rules import Rules, load_rules
from pretraining.tags.scan import Scanner, lower
from pretraining.tags.segments import Segment, Segmenter
from pretraining.tags.sentence import NOTHING, SentenceFacts, SentenceReader
from pretraining.tags.states import ABSENT, PRESENT, TagStates
from pretraining.tags.vocabulary import REGIONS, Vocabulary, load_vocabulary

# Report sentences repeat ("The spleen is unremarkable."): this many are remembered. Longer ones hardly ever repeat.
_REMEMBERED = 1 << 16
_REMEMBERED_LENGTH = 400


class Evidence(NamedTuple):
    """Why a tag has its state.

    Attributes:
        tag: tag id.
        state: `present` or `absent`.
        span: (start, end) in the report of the words that decided.
        text: those words.
        rule: `name`, `part`, `adjective`, `disease`, `lesion`, `removal`, `absent-after`, ..., or `from TAG` where
            another tag decides.
    """

    tag: str
    state: str
    span: tuple[int, int]
    text: str
    rule: str


@dataclass(frozen=True)
class MinedReport:
    """What a report says.

    Attributes:
        tags: tag id -> `present` or `absent`, in vocabulary order; unmentioned tags are not in it.
        regions: body regions that the report covers, in the order of `REGIONS`.
        sentences: tag id -> the sentences, as they stand in the report, that speak of it.
        evidence: one entry for every statement that bears out a tag's state, in the order of the report.
    """

    tags: TagStates
    regions: tuple[str, ...]
    sentences: dict[str, tuple[str, ...]]
    evidence: tuple[Evidence, ...]


class TagMiner:
    """Mines organ tags from reports; deterministic, and linear in the report's length.

    Args:
        vocabulary: the tags to look for; the packaged ones when omitted.
        rules: the language's rules; the packaged English ones when omitted.
    """

    def __init__(self, vocabulary: Vocabulary | None = None, rules: Rules | None = None) -> None:
        self.vocabulary = vocabulary if vocabulary is not None else load_vocabulary()
        rules = rules if rules is not None else load_rules()
        scanner = Scanner(build_lexicon(self.vocabulary, rules))
        reader = SentenceReader(scanner, rules)
        self._segmenter = Segmenter(rules)
        self._questions = QuestionReader(scanner, reader, rules, self.vocabulary)
        self._hierarchy = Hierarchy(self.vocabulary)
        self._order = {tag_id: index for index, tag_id in enumerate(self.vocabulary.ids)}
        self._regions_of = {tag.id: frozenset(tag.regions) for tag in self.vocabulary}
        self._read_long = reader.read
        self._read = lru_cache(maxsize=_REMEMBERED)(reader.read)

    def mine(self, report: str, *, explain: bool = True) -> MinedReport:
        """Read one report.

        Args:
            report: free text of any length and layout.
            explain: also gather `sentences` and `evidence`; without, both are empty, and mining is a little faster.
        """
        # Sentences are read in lower case; `lower` keeps every span where it is.
        lowered = lower(report)
        facts: list[tuple[Segment, Fact]] = []
        regions: dict[str, None] = {}
        for segment in self._segmenter.segments(report):
            if segment.section in ("comparison", "ignore"):
                continue
            found = self._segment_facts(lowered, segment)
            if found is NOTHING:
                continue
            if segment.section != "history":
                for region in found.regions:
                    regions[region] = None
            if segment.section != "technique":
                history = segment.section == "history"
                facts.extend((segment, fact) for fact in found.facts if not history or fact.operation)
        tags, covered, closed = self._conclude(facts, regions)
        evidence, sentences = self._explain(report, facts, closed, tags) if explain else ((), {})
        return MinedReport(tags, covered, sentences, evidence)

    def _segment_facts(self, lowered: str, segment: Segment) -> SentenceFacts:
        text = lowered[segment.start : segment.end]
        if segment.answer >= 0:
            return self._questions.read(text, segment.answer - segment.start)
        return self._read(text) if len(text) <= _REMEMBERED_LENGTH else self._read_long(text)

    def _conclude(
        self, facts: list[tuple[Segment, Fact]], regions: dict[str, None]
    ) -> tuple[TagStates, tuple[str, ...], dict[str, tuple[str, str]]]:
        """The tags' states, the regions covered, and from which tag each state follows."""
        grades: dict[str, int] = {}
        for segment, (tag, state, strong, *_) in facts:
            grade = _GRADES[state, strong and segment.section != "history"]
            if grade > grades.get(tag, -1):
                grades[tag] = grade
        covered = self._covered(regions, [tag for tag, grade in grades.items() if grade == _SEEN])
        states: TagStates = {}
        for tag, grade in grades.items():
            if grade in (_SEEN, _GONE, _ONCE_GONE):
                states[tag] = PRESENT if grade == _SEEN else ABSENT
            elif not covered or not covered.isdisjoint(self._regions_of[tag]):
                states[tag] = PRESENT
        operated = {fact.tag for _, fact in facts if fact.operation}
        firm = [
            tag
            for tag, grade in grades.items()
            if grade == _GONE and (tag in operated or not self._shows_a_side(tag, grades))
        ]
        closed = self._hierarchy.close(states, firm)
        covered = self._covered(regions, [tag for tag, (state, _) in closed.items() if state == PRESENT])
        order = self._order
        tags = {tag: closed[tag][0] for tag in sorted(closed, key=order.__getitem__)}
        return tags, tuple(region for region in REGIONS if region in covered), closed

    def _covered(self, named: Iterable[str], present: Iterable[str]) -> set[str]:
        """The regions that are named and those of the organs shown.

        An organ of several regions adds them only when none of them is covered otherwise: by organs of fewer.
        """
        covered = set(named)
        of_organs = {self._regions_of[tag] for tag in present}
        for size in sorted({len(regions) for regions in of_organs}):
            covered.update(*[r for r in of_organs if len(r) == size and covered.isdisjoint(r)])
        return covered

    def _shows_a_side(self, pair: str, grades: dict[str, int]) -> bool:
        """Whether a side is seen of a pair that is said to be absent as a whole."""
        return any(grades.get(side) == _SEEN for side in self.vocabulary.sides.get(pair, {}).values())

    def _explain(
        self, report: str, facts: list[tuple[Segment, Fact]], closed: dict[str, tuple[str, str]], tags: TagStates
    ) -> tuple[tuple[Evidence, ...], dict[str, tuple[str, ...]]]:
        """The evidence of every tag, and the sentences that speak of it or of a tag from which its state follows."""
        spoken: dict[str, set[tuple[int, int]]] = {}
        evidence: list[Evidence] = []
        for segment, fact in facts:
            if fact.tag not in tags:
                continue
            spoken.setdefault(fact.tag, set()).add(segment[:2])
            if closed[fact.tag] == (fact.state, fact.tag):
                start, end = segment.start + fact.start, segment.start + fact.end
                evidence.append(Evidence(fact.tag, fact.state, (start, end), report[start:end], fact.rule))
        shown = {entry.tag: entry for entry in reversed(evidence)}
        for tag, (_, source) in closed.items():
            if source != tag and source in shown:
                first = shown[source]
                evidence.append(Evidence(tag, closed[tag][0], first.span, first.text, f"from {source}"))
        for tag, spans in list(spoken.items()):
            for above in self._hierarchy.above(tag):
                if above in tags:
                    spoken.setdefault(above, set()).update(spans)
        sentences = {}
        for tag in tags:
            spans = spoken.get(tag) or spoken.get(closed[tag][1], set())
            sentences[tag] = tuple(report[start:end] for start, end in sorted(spans))
        return tuple(evidence), sentences


# What a fact weighs against others on the same tag, in this order.
_MAYBE_SEEN, _ONCE_GONE, _SEEN, _GONE = 0, 1, 2, 3
_GRADES = {(PRESENT, False): _MAYBE_SEEN, (ABSENT, False): _ONCE_GONE, (PRESENT, True): _SEEN, (ABSENT, True): _GONE}
