"""From statements to a report, in the way of a caption, a structured form or a dictation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pretraining.phantom.reports import background
from pretraining.phantom.reports.statement import Statement, capitalized
from pretraining.phantom.study import Study


def caption(study: Study, statements: Sequence[Statement], rng: np.random.Generator) -> str:
    """A figure's caption: what it is, then a few statements."""
    opening = str(rng.choice(["Axial {}", "{}", "Axial image, {}"])).format(background.title(study.scan))
    return " ".join([capitalized(opening) + ".", *(s.text for s in statements)])


def structured(study: Study, statements: Sequence[Statement], rng: np.random.Generator) -> str:
    """Sections with headings, findings filed by organ."""
    findings: dict[str, list[str]] = {}
    for statement in statements:
        if not statement.history:
            findings.setdefault(statement.subject, []).append(statement.text)
    rows = [f"{subject}: {' '.join(texts)}" for subject, texts in findings.items()]
    sections = [
        f"EXAM: {background.title(study.scan)}",
        f"HISTORY: {_history(study, statements, rng)}",
        f"TECHNIQUE: {background.technique(study.scan, rng)}",
        f"COMPARISON: {background.comparison(rng)}",
        "FINDINGS:",
        *rows,
        f"IMPRESSION: {_impression(statements)}",
    ]
    return "\n".join(sections)


def dictated(study: Study, statements: Sequence[Statement], rng: np.random.Generator) -> str:
    """Running text as it is spoken."""
    history = _history(study, statements, rng)
    spoken = [s.text for s in statements if not s.history]
    return "\n".join(
        [
            f"Indication: {history}",
            f"Technique: {background.technique(study.scan, rng)}",
            f"Findings: {background.title(study.scan)}. {' '.join(spoken)}",
            f"Impression: {_impression(statements)}",
        ]
    )


STYLES: dict[str, Callable[[Study, Sequence[Statement], np.random.Generator], str]] = {
    "caption": caption,
    "structured": structured,
    "dictated": dictated,
}


def _history(study: Study, statements: Sequence[Statement], rng: np.random.Generator) -> str:
    patient = study.patient
    told = [s.text for s in statements if s.history]
    return " ".join([background.history(study.scan, patient.age, patient.traits.sex, rng) + ".", *told])


def _impression(statements: Sequence[Statement]) -> str:
    told = [s.text for s in statements if s.abnormal]
    return " ".join(told) if told else "No acute abnormality."
