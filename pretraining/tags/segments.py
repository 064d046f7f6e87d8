"""Cuts a report into sentences, each with its section, and joins questions with their answers."""

from __future__ import annotations

import re
from typing import NamedTuple

from pretraining.tags.lexicon import words_of
from pretraining.tags.rules import Rules

# Every alternative consumes what it looks at, so that the search stays linear on any text.
_BOUNDARY = re.compile(r"""([.!?]["')\]]?)(?:\s+|$|(?=[A-Z][a-z]))|\n\s*|;\s*""")
# With headers inside a line ("... pain. FINDINGS: ..."): slower, so only where a capital header is.
_BOUNDARY_OR_HEADER = re.compile(_BOUNDARY.pattern + r"|(?<![A-Z/&,])\s(?=[A-Z][A-Z /&]{3,40}:)")
_CAPITAL_HEADER = re.compile(r"[A-Z][A-Z /&]{3,40}:")
# Without one, a small letter after a full stop says nothing: the report has no capitals.
_CAPITAL_SENTENCE = re.compile(r"[.!?]\W{1,8}[A-Z]")
_HEADER = re.compile(r"[\s#*•>\-]{0,8}([A-Za-z][A-Za-z /&,()'-]{1,48}?)\s{0,4}:\s{0,8}(?!\d\d)")

_ANSWER_WORDS = 14
_PLACING = ("findings", "title")
# Sections that a blank line ends, once they have said something; a history may have paragraphs.
_SHORT_SECTIONS = ("technique", "comparison")
_ABBREVIATION = 10
_HEADER_LINE = 48
_HEADER_MARKS = " \t\r*#:-."


class Segment(NamedTuple):
    """One sentence, or a question with its answer.

    Attributes:
        start, end: character span in the report.
        section: how it is read: one of `SECTION_KINDS`.
        answer: where the answer of a question starts, else -1.
    """

    start: int
    end: int
    section: str
    answer: int = -1


class Segmenter:
    """Segments reports by the section headers and abbreviations of one language."""

    def __init__(self, rules: Rules) -> None:
        self._sections = rules.sections
        self._abbreviations = rules.abbreviations
        self._asking, self._interrogatives = rules.question_starts, rules.interrogatives

    def segments(self, report: str) -> list[Segment]:
        """The segments of a report, in order; blank stretches have none."""
        found: list[Segment] = []
        section = "findings"
        start = 0
        headers: list[int] = []
        places = False
        before = 0
        for end, following in self._cuts(report):
            if section in _SHORT_SECTIONS and headers[-1] < len(found) and report.count("\n", before, start) > 1:
                section = "findings"
            if ":" in report[start:end] or end - start <= _HEADER_LINE:
                at = start
                start, section = self._enter_section(report, before, at, end, section)
                if start != at:
                    headers.append(len(found))
                places = places or (start != at and section in _PLACING)
            if not report[start:end].isspace() and start < end:
                self._append(found, report, Segment(start, end, section))
            before, start = end, following
        return found if places or not headers else self._end_sections(found, headers)

    def _end_sections(self, found: list[Segment], headers: list[int]) -> list[Segment]:
        """Without a header of their own ("History: stones. The kidneys ..."), findings begin after one sentence."""
        return [
            segment if segment.section == "ignore" or index in headers else segment._replace(section="findings")
            for index, segment in enumerate(found)
        ]

    def _cuts(self, report: str) -> list[tuple[int, int]]:
        """(end of a sentence, start of the next one) for every sentence."""
        cuts: list[tuple[int, int]] = []
        start = 0
        boundary = _BOUNDARY_OR_HEADER if _CAPITAL_HEADER.search(report) else _BOUNDARY
        cased = _CAPITAL_SENTENCE.search(report) is not None
        for match in boundary.finditer(report):
            at, following = match.span()
            mark = report[at]
            if mark == ".":
                if self._is_abbreviation(report, start, at) or (cased and report[following : following + 1].islower()):
                    continue
                at += len(match[1])
            elif mark == "\n":
                goes_on = report[following : following + 1].islower()
                if goes_on and not self._ends_line(report, start, at, following, cased):
                    continue
            elif mark in "!?":
                at += len(match[1])
            elif mark != ";":
                following = self._header_start(report, following)
                at = following - 1
            cuts.append((at, following))
            start = following
        if start < len(report):
            cuts.append((len(report), len(report)))
        return cuts

    def _header_start(self, report: str, start: int) -> int:
        """Where in a run of capitals up to a colon the header starts: "COPD FINDINGS:"."""
        words = report[start : report.index(":", start)].split(" ")
        for index in range(len(words)):
            if " ".join(words[index:]).lower() in self._sections:
                return start + len(" ".join([*words[:index], ""]))
        return start

    def _ends_line(self, report: str, start: int, end: int, following: int, cased: bool) -> bool:
        """Whether a line that goes on in lower case is complete all the same."""
        line = report[start:end].rstrip()
        if line.endswith((".", ":", ";")) or report.find("\n", end + 1, following) >= 0:
            return True
        if len(line) <= _HEADER_LINE and (not cased or line.strip(_HEADER_MARKS).lower() in self._sections):
            return True
        header = _HEADER.match(report, following)
        return header is not None and self._kind(header[1]) is not None

    def _is_abbreviation(self, report: str, start: int, dot: int) -> bool:
        word = report[max(start, dot - _ABBREVIATION) : dot]
        word = word[max(word.rfind(" "), word.rfind("\n"), word.rfind("(")) + 1 :]
        return (len(word) == 1 and word.isupper()) or word.lower() in self._abbreviations

    def _kind(self, header: str) -> str | None:
        """How the section below a header is read; None for a header that is not known."""
        header = header.strip().lower()
        return self._sections.get(header) or self._sections.get(header.split(" (")[0])

    def _enter_section(self, report: str, before: int, start: int, end: int, section: str) -> tuple[int, str]:
        """Skip a section header at the start of a segment, and say which section follows.

        `before` is where the segment before it ends.
        """
        match = _HEADER.match(report, start, end)
        if match is not None:
            kind = self._kind(match[1])
            if kind is not None:
                return match.end(), kind
            # An unknown header ends a section ("Liver: normal"), and is itself read as text.
            ends = "\n" in report[before:start] or match[1].isupper()
            return start, "findings" if ends else section
        line = report[start:end].strip(_HEADER_MARKS).lower()
        kind = self._sections.get(line)
        return (end, kind) if kind is not None else (start, section)

    def _append(self, found: list[Segment], report: str, segment: Segment) -> None:
        """Append a segment; the short one after a question is its answer."""
        previous = found[-1] if found else None
        if (
            previous is not None
            and previous.answer < 0
            and previous.section == segment.section
            and report.endswith("?", previous.start, previous.end)
            and self._asks(report[previous.start : previous.end])
            and not report.endswith("?", segment.start, segment.end)
            and report.count(" ", segment.start, segment.end) < _ANSWER_WORDS
        ):
            found[-1] = Segment(previous.start, segment.end, segment.section, segment.start)
        else:
            found.append(segment)

    def _asks(self, question: str) -> bool:
        """Whether it is a question, and not a doubt: "Nodule in the right lung - metastasis?"."""
        clauses = [words_of(clause) for clause in question.split(",")]
        return any(
            not self._asking.isdisjoint(words[:1]) or not self._interrogatives.isdisjoint(words) for words in clauses
        )
