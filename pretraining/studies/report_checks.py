"""Whether a report can be used, and what about it a person should look at."""

from __future__ import annotations

import re

from pretraining.studies.language import foreign_language

LONG_REPORT = 20_000
"""Characters beyond which a report is probably several, or a whole chart."""

_WRITTEN_NOTHING = {"nan", "none", "null", "n/a", "na", "nil", "<na>", "#n/a", "-", "."}


def report_problem(report: str) -> str:
    """Why a report cannot be used; empty when it can."""
    text = report.strip()
    if not text:
        return "the report is empty"
    if text.lower() in _WRITTEN_NOTHING:
        return f"the report is empty (written as '{text}')"
    if re.fullmatch(r"[\d\s.,+\-eE%/:]+", text):
        return f"the report is only a number ('{text[:40]}')"
    if not any(character.isalpha() for character in text):
        return "the report has no letters"
    return ""


def report_flags(report: str) -> tuple[str, ...]:
    """What about a usable report a person should look at."""
    flags = []
    if len(report) > LONG_REPORT:
        flags.append(f"report of {len(report):,} characters")
    language = foreign_language(report)
    if language:
        flags.append(f"report does not look English ({language})")
    return tuple(flags)
