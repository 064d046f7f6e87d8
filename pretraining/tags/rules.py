"""The language rules of the miner, read from `data/LANGUAGE/rules.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.tags.vocabulary_file import DATA_FOLDER, PACKAGED, read_yaml

SECTION_KINDS = ("findings", "title", "history", "technique", "comparison", "ignore")


@dataclass(frozen=True)
class Rules:
    """Phrase lists by purpose; `data/en/rules.yaml` says what each one is for."""

    sections: Mapping[str, str]
    """Header text (lower case) -> how its section is read, one of `SECTION_KINDS`."""
    left: frozenset[str]
    right: frozenset[str]
    side_letters: Mapping[str, str]
    """Single letters -> `left` or `right`."""
    both: frozenset[str]
    not_a_side: frozenset[str]
    directions: frozenset[str]
    determiners: frozenset[str]
    of: frozenset[str]
    prepositions: frozenset[str]
    conjunctions: frozenset[str]
    copulas: frozenset[str]
    fillers: frozenset[str]
    breaks: frozenset[str]
    absent_before: frozenset[str]
    absent_after: frozenset[str]
    out_of_view: frozenset[str]
    earlier: frozenset[str]
    not_applicable: frozenset[str]
    absence_nouns: frozenset[str]
    empty: frozenset[str]
    negations: frozenset[str]
    seen: frozenset[str]
    never_bare_negated: frozenset[str]
    never_absent: frozenset[str]
    bilateral_operations: frozenset[str]
    native: frozenset[str]
    head_tails: frozenset[str]
    partial: frozenset[str]
    done: frozenset[str]
    done_after: frozenset[str]
    not_done: frozenset[str]
    not_done_after: frozenset[str]
    history: frozenset[str]
    other_people: frozenset[str]
    patient_description: frozenset[str]
    origin: frozenset[str]
    spread: frozenset[str]
    spread_links: frozenset[str]
    origin_nouns: frozenset[str]
    comparison: frozenset[str]
    advice: frozenset[str]
    modalities: frozenset[str]
    scope_end: frozenset[str]
    containers: frozenset[str]
    locators: frozenset[str]
    normal: frozenset[str]
    otherwise: frozenset[str]
    lesion_denied: frozenset[str]
    lesion_gone: frozenset[str]
    lesion_open: frozenset[str]
    changes: frozenset[str]
    explanations: frozenset[str]
    benign: frozenset[str]
    question_starts: frozenset[str]
    interrogatives: frozenset[str]
    no: frozenset[str]
    two: frozenset[str]
    presence_question: frozenset[str]
    identity_question: frozenset[str]
    abbreviations: frozenset[str]


@cache
def load_rules() -> Rules:
    """Read the packaged rules.

    Raises:
        UserError: a list is missing or not a list of words.
    """
    return _read_rules(DATA_FOLDER / PACKAGED / "rules.yaml")


def _read_rules(path: Path) -> Rules:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a rules file: it needs a mapping of phrase lists")
    values: dict[str, Any] = {}
    for entry in fields(Rules):
        if entry.name == "sections":
            values["sections"] = _sections(content.get("sections"), path)
            continue
        if entry.name == "side_letters":
            values["side_letters"] = _side_letters(content.get("side_letters"), path)
            continue
        phrases = content.get(entry.name)
        if not isinstance(phrases, list) or not all(isinstance(phrase, str) for phrase in phrases):
            raise UserError(f"{path}: '{entry.name}' must be a list of phrases, such as [not seen, removed]")
        values[entry.name] = frozenset(phrase.lower() for phrase in phrases)
    return Rules(**values)


def _sections(content: Any, path: Path) -> dict[str, str]:
    if not isinstance(content, dict) or set(content) != set(SECTION_KINDS):
        raise UserError(f"{path}: 'sections' must hold the lists {', '.join(SECTION_KINDS)}")
    return {str(header).lower(): kind for kind, headers in content.items() for header in headers}


def _side_letters(content: Any, path: Path) -> dict[str, str]:
    if not isinstance(content, dict) or not set(content.values()) <= {"left", "right"}:
        raise UserError(f"{path}: 'side_letters' must map letters to left or right, such as {{l: left}}")
    return {str(letter).lower(): side for letter, side in content.items()}
