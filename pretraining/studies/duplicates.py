"""Images and reports that stand in several studies: worth knowing, above all across splits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# In prepare.json; the counts are always complete.
_LISTED_GROUPS = 500


@dataclass(frozen=True)
class Duplicates:
    """Groups of study ids that share something.

    Attributes:
        groups: the ids of each group, largest group first.
        across_splits: those of them that span train and val or test, where they flatter every score.
    """

    groups: tuple[tuple[str, ...], ...]
    across_splits: tuple[tuple[str, ...], ...]

    @property
    def studies(self) -> int:
        """How many studies are in some group."""
        return len({study for group in self.groups for study in group})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            "groups": len(self.groups),
            "studies": self.studies,
            "groups_across_splits": len(self.across_splits),
            "ids": [list(group) for group in self.groups[:_LISTED_GROUPS]],
            "ids_across_splits": [list(group) for group in self.across_splits[:_LISTED_GROUPS]],
        }


def find_duplicates(values: Iterable[tuple[str, str]], splits: Mapping[str, str]) -> Duplicates:
    """Group studies by what they share.

    Args:
        values: study id and a value of it (an image's content hash, a report); a study may have several.
        splits: study id -> split.
    """
    by_value: dict[str, dict[str, None]] = defaultdict(dict)
    for study, value in values:
        if value:
            by_value[value][study] = None
    groups = sorted((tuple(ids) for ids in by_value.values() if len(ids) > 1), key=lambda ids: (-len(ids), ids))
    across = tuple(group for group in groups if len({splits[study] for study in group}) > 1)
    return Duplicates(tuple(dict.fromkeys(groups)), tuple(dict.fromkeys(across)))


def plain_text(report: str) -> str:
    """A report without case, punctuation and spacing: equal for reports that say the same in the same words."""
    return " ".join(re.findall(r"\w+", report.lower()))
