"""The report of a study: what it mentions, and the gold tags of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pretraining.phantom.reports.describe import Describer
from pretraining.phantom.reports.statement import Statement
from pretraining.phantom.reports.styles import STYLES
from pretraining.phantom.study import Study
from pretraining.tags.states import ABSENT, PRESENT
from pretraining.tags.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """How much reports say.

    Attributes:
        styles: drawn from uniformly.
        abnormal, normal, absent: chance that a report mentions an abnormality, a normal organ, a removed organ.
        outside: chance that it says of an organ that is not shown that it is outside the field of view.
        minor: factor of these chances for bones, muscles and vessels that reports rarely speak of.
    """

    styles: tuple[str, ...] = ("caption", "structured", "dictated")
    abnormal: float = 0.88
    normal: float = 0.55
    absent: float = 0.85
    outside: float = 0.03
    minor: float = 0.35


@dataclass(frozen=True)
class Report:
    """A report and its meaning.

    Attributes:
        text: the report. style: one of `STYLES`.
        tags: tag id to "present" or "absent", as the report states it, hierarchy included.
        lesions: (organ tag id, kind) of the lesions that it mentions.
    """

    text: str
    style: str
    tags: Mapping[str, str]
    lesions: tuple[tuple[str, str], ...]


def write_report(study: Study, reporting: Reporting, rng: np.random.Generator, vocabulary: Vocabulary) -> Report:
    """A report of the study; says nothing that is not so, and not everything that is."""
    describer = Describer(study, rng)
    chosen: list[Statement] = []
    for statements, chance in (
        (describer.absences(), reporting.absent),
        (describer.abnormal(), reporting.abnormal),
        (describer.normal(), reporting.normal),
        (describer.outside(), reporting.outside),
    ):
        chosen += [s for s in statements if rng.uniform() < chance * (reporting.minor if s.minor else 1)]
    order = rng.permutation(len(chosen))
    style = str(rng.choice(reporting.styles))
    if style == "caption":
        # A caption is short and has no history section.
        order = order[: int(rng.integers(2, 6))]
    shuffled = [chosen[i] for i in order]
    text = STYLES[style](study, shuffled, rng)
    lesions = tuple(lesion for s in shuffled for lesion in s.lesions)
    return Report(text, style, stated_tags(shuffled, vocabulary), lesions)


def stated_tags(statements: list[Statement], vocabulary: Vocabulary) -> dict[str, str]:
    """Tags that the statements place or deny, closed over the vocabulary's hierarchy.

    A present organ makes its ancestors present. Of a pair whose sides are both absent the pair is absent.
    """
    present = {organ for s in statements for organ in s.present}
    absent = {organ for s in statements for organ in s.absent} - present
    present |= {ancestor for organ in present for ancestor in vocabulary.ancestors(organ)}
    pairs = {parent for organ in absent for parent in vocabulary.parents(organ)}
    absent |= {
        pair
        for pair in pairs
        if pair not in present and absent.issuperset(vocabulary.sides.get(pair, {"": ""}).values())
    }
    return {**dict.fromkeys(sorted(present), PRESENT), **dict.fromkeys(sorted(absent), ABSENT)}
