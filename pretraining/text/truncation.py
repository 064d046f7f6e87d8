"""Shortens a long report to what matters most: impression, then findings, then the rest, in whole sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from pretraining.tags.rules import load_rules
from pretraining.tags.segments import Segmenter

# Starts of the headers below which a report concludes.
CONCLUSIONS = ("impression", "conclusion", "opinion", "summary", "assessment", "final diagnosis")
RANKS = {"findings": 1, "title": 2, "history": 3, "technique": 4, "comparison": 5, "ignore": 5}
AROUND_HEADERS = " \t\r\n;:.#*•>-"


@cache
def _segmenter() -> Segmenter:
    return Segmenter(load_rules())


def _pieces(report: str) -> list[tuple[str, int]]:
    """Each sentence, the header before it included, with its rank: 0 is kept first."""
    pieces = []
    concludes = False
    end = 0
    for segment in _segmenter().segments(report):
        header = report[end : segment.start].strip(AROUND_HEADERS).rsplit("\n", 1)[-1]
        if header:
            concludes = header.lower().startswith(CONCLUSIONS)
        rank = 0 if concludes and segment.section == "findings" else RANKS[segment.section]
        pieces.append((report[end : segment.end].strip(), rank))
        end = segment.end
    return pieces


def shorten(report: str, limit: int, count_tokens: Callable[[Sequence[str]], list[int]]) -> str:
    """The most important sentences of a report that fit, in the report's order.

    The impression comes before the findings, these before title, history, technique and comparison; within a section,
    what stands first comes first.

    Args:
        report: of any length.
        limit: tokens that the result may have.
        count_tokens: tokens of each text.

    Returns:
        The report itself where it fits. Longer than the limit only where the first sentence to be kept is.
    """
    pieces = _pieces(report)
    if not pieces or count_tokens([report])[0] <= limit:
        return report
    order = sorted(range(len(pieces)), key=lambda index: pieces[index][1])
    sizes = count_tokens([text for text, _ in pieces])
    kept: list[int] = []
    room = limit
    for index in order:
        room -= sizes[index]
        if kept and room < 0:
            break
        kept.append(index)
    while True:
        shortened = " ".join(pieces[index][0] for index in sorted(kept))
        # Some tokenizers need more tokens for sentences together than for each alone.
        if len(kept) == 1 or count_tokens([shortened])[0] <= limit:
            return shortened
        kept.pop()
