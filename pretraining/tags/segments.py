"""Cuts a report into sentences, each with its section, and joins questions with their answers."""

from __future__ import annotations

import re
from typing import NamedTuple

from pretraining.tags.rules import Rules

# Every alternative consumes what it looks at, so that the search stays linear on any text.
_BOUNDARY = re.compile(r"""([.!?]["')\]]?)(?:\s+|$|(?=[A-Z][a-z]))|\n\s*|;\s*""")
# With headers inside a line ("... pain. FINDINGS: ..."): slower, so only where a capital header is.
_BOUNDARY_OR_HEADER = re.compile(_BOUNDARY.pattern + r"|\s(?=[A-Z][A-Z /&]{3,40}:)")
_CAPITAL_HEADER = re.compile(r"[A-Z][A-Z /&]{3,40}:")
_HEADER = re.compile(r"[\s#*•>\-]{0,8}([A-Za-z][A-Za-z /&,()'-]{1,48}?)\s{0,4}:\s{0,8}(?!\d\d)")

_ANSWER_WORDS = 14
_PLACING = ("findings", "title")
_ABBREVIATION = 10
_HEADER_LINE = 48
_HEADER_MARKS = " \t*#:-."


class Segment(NamedTuple):
    """One sentence, or a question with its answer.

    Attributes:
        start, end: character span in the report.
        section: how it is read: `findings`, `title`, `history`, `technique` or `ignore`.
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

    def segments(self, report: str) -> list[Segment]:
        """The segments of a report, in order; blank stretches have none."""
        found: list[Segment] = []
        section = "findings"
        start = 0
        headers: list[int] = []
        places = False
        for end, following in self._cuts(report):
            if ":" in report[start:end] or end - start <= _HEADER_LINE:
                before = start
                start, section = self._enter_section(report, start, end, section)
                if start != before:
                    headers.append(len(found))
                places = places or (start != before and section in _PLACING)
            if not report[start:end].isspace() and start < end:
                self._append(found, report, Segment(start, end, section))
            start = following
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
        for match in boundary.finditer(report):
            at, following = match.span()
            mark = report[at]
            if mark == ".":
                if self._is_abbreviation(report, start, at) or report[following : following + 1].islower():
                    continue
                cuts.append((match.end(1), following))
            elif mark in "!?":
                cuts.append((match.end(1), following))
            elif mark == "\n":
                blank = report.find("\n", at + 1, following) >= 0
                if not blank and report[following : following + 1].islower() and not self._ends_line(report, start, at):
                    continue
                cuts.append((at, following))
            elif mark == ";":
                cuts.append((at, following))
            else:
                cuts.append((at, following))
            start = following
        if start < len(report):
            cuts.append((len(report), len(report)))
        return cuts

    def _ends_line(self, report: str, start: int, end: int) -> bool:
        """Whether a line that goes on in lower case is complete all the same."""
        return report[end - 1 : end] in (".", ":", ";") or (
            end - start <= _HEADER_LINE and report[start:end].strip(_HEADER_MARKS).lower() in self._sections
        )

    def _is_abbreviation(self, report: str, start: int, dot: int) -> bool:
        word = report[max(start, dot - _ABBREVIATION) : dot]
        word = word[max(word.rfind(" "), word.rfind("\n"), word.rfind("(")) + 1 :]
        if len(word) == 1:
            return word.isupper()
        return word.lower() in self._abbreviations

    def _enter_section(self, report: str, start: int, end: int, section: str) -> tuple[int, str]:
        """Skip a section header at the start of a segment, and say which section follows."""
        match = _HEADER.match(report, start, end)
        if match is not None:
            header = match[1].strip().lower()
            kind = self._sections.get(header) or self._sections.get(header.split(" (")[0])
            if kind is not None:
                return match.end(), kind
            # An unknown capital header ends a history: "LIVER: normal". The header itself is read as text.
            return (start, "findings") if match[1].isupper() else (start, section)
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
            and not report.endswith("?", segment.start, segment.end)
            and report.count(" ", segment.start, segment.end) < _ANSWER_WORDS
        ):
            found[-1] = Segment(previous.start, segment.end, segment.section, segment.start)
        else:
            found.append(segment)
