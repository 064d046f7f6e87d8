"""A question read together with its answer: "Are the adrenal glands visible? No."""

from __future__ import annotations

from pretraining.tags import lexicon as lx
from pretraining.tags.facts import Fact
from pretraining.tags.lesions import NORMAL_ORGAN
from pretraining.tags.lexicon import words_of
from pretraining.tags.rules import Rules
from pretraining.tags.scan import Row, Scanner
from pretraining.tags.sentence import NOTHING, SentenceFacts, SentenceReader
from pretraining.tags.states import ABSENT, PRESENT
from pretraining.tags.vocabulary import Vocabulary


class QuestionReader:
    """Reads a question and its answer as one statement."""

    def __init__(self, scanner: Scanner, reader: SentenceReader, rules: Rules, vocabulary: Vocabulary) -> None:
        self._scanner = scanner
        self._lesions = frozenset(tag.id for tag in vocabulary if tag.kind == "lesion")
        self._sides = frozenset(tag.id for tag in vocabulary if tag.side_of is not None)
        self._absence_phrases = tuple(sorted(rules.absent_after))
        self._reader = reader
        self._no, self._two = rules.no, rules.two
        self._presence = rules.presence_question
        self._identity = tuple(words_of(phrase) for phrase in sorted(rules.identity_question))

    def read(self, text: str, answer_at: int) -> SentenceFacts:
        """The facts of a question with its answer.

        Args:
            text: the question and the answer as they stand in the report, in lower case.
            answer_at: where the answer starts in `text`.
        """
        answer = words_of(text[answer_at:])
        denied = bool(answer) and answer[0] in self._no
        question = text[:answer_at]
        words = words_of(question)
        if denied and any(words[: len(start)] == start for start in self._identity):
            return NOTHING
        row = self._scanner.scan(text)
        if row is None:
            return NOTHING
        asked = self._asks_presence(question)
        facts = self._reader.read_row(row)
        count = self._count(words, answer)
        if count == 0 or (asked and denied):
            return SentenceFacts(tuple(self._deny(facts.facts)), facts.regions)
        if count == 2:
            return SentenceFacts((*facts.facts, *self._both(row, facts.facts)), facts.regions)
        # "Is the liver normal? No." does not say what is wrong with it.
        kept = [self._flip(fact, denied) for fact in facts.facts if not (denied and fact.rule == NORMAL_ORGAN)]
        return SentenceFacts(tuple(self._pictured(question, kept, answer_at)), facts.regions)

    def _asks_presence(self, question: str) -> bool:
        """Only words of looking and being there around the organs themselves, no finding."""
        row = self._scanner.scan(question)
        if row is None or not row.terms:
            return False
        for index, mask in enumerate(row.masks):
            if mask & lx.TERM:
                if not all(
                    target.role in (lx.NOUN, lx.PART) and not target.lesion for target in row.entries[index].targets
                ):
                    return False
            elif mask & (lx.COMMA | lx.COLON | lx.BREAK | lx.CONJUNCTION | lx.SIDE | lx.DETERMINER | lx.REGION):
                continue
            elif not all(word in self._presence for word in row.words[row.first[index] : row.last(index) + 1]):
                return False
        return True

    def _count(self, words: tuple[str, ...], answer: tuple[str, ...]) -> int | None:
        """The number that answers "How many kidneys ...?": 0, 2, or None."""
        if words[:2] != ("how", "many") or not answer:
            return None
        if answer[0] in self._no:
            return 0
        return 2 if answer[0] in self._two else None

    def _deny(self, facts: tuple[Fact, ...]) -> list[Fact]:
        sided = {fact.start for fact in facts if fact.tag in self._sides}
        return [
            fact._replace(state=ABSENT, strong=True, rule="question-denied")
            for fact in facts
            if fact.start not in sided or fact.tag in self._sides
        ]

    def _both(self, row: Row, facts: tuple[Fact, ...]) -> list[Fact]:
        if not facts or not row.entries[row.terms[0]].noun:
            return []
        return [
            Fact(tag, PRESENT, True, facts[0].start, facts[0].end, "counted-two")
            for target in row.entries[row.terms[0]].targets
            if target.paired
            for tag in (*target.left, *target.right)
        ]

    def _flip(self, fact: Fact, denied: bool) -> Fact:
        """Turn what the answer denies: "Has the gallbladder been removed? No." shows the gallbladder."""
        if denied and fact.state == ABSENT and fact.tag not in self._lesions:
            return fact._replace(state=PRESENT, strong=not fact.operation, rule="question-denied")
        if denied and fact.tag in self._lesions:
            return fact._replace(state=ABSENT, rule="question-denied")
        return fact

    def _pictured(self, question: str, facts: list[Fact], answer_at: int) -> list[Fact]:
        """Make the answer's organ absent where the question asks for it: "What organ is not pictured? The spleen."""
        row = self._scanner.scan(question)
        if row is not None and row.terms:
            return facts
        if not any(phrase in question for phrase in self._absence_phrases):
            return facts
        return [
            fact._replace(state=ABSENT, rule="question-not-pictured") if fact.start >= answer_at else fact
            for fact in facts
        ]
