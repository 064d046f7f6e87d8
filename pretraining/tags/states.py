"""Tag states as recognition targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pretraining.tags.vocabulary import Vocabulary

TagStates = dict[str, str]
"""Tag id -> `present` or `absent`. An unmentioned tag is simply not in it."""

PRESENT = "present"
ABSENT = "absent"


def recognition_targets(
    states: Mapping[str, str], regions: Iterable[str], vocabulary: Vocabulary, tag_ids: Sequence[str]
) -> npt.NDArray[np.int8]:
    """What a report teaches about each tag (METHOD.md, 1.4).

    A tag is negative when the report says that it is absent, or when none of its body regions is covered by the report
    or touches a covered one. Without any known region only absent tags are negative. Everything else unmentioned is
    unknown.

    Args:
        states: the report's tag states.
        regions: the body regions that the report covers.
        vocabulary: knows each tag's regions and which regions touch.
        tag_ids: the tags asked for, in order. A tag unknown to the vocabulary is unknown unless the states hold it.

    Returns:
        `(K,)` int8: 1 present, 0 negative, -1 unknown.
    """
    covered = set(regions)
    reached = covered.union(*(vocabulary.adjacent_regions.get(region, frozenset()) for region in covered))
    targets = np.full(len(tag_ids), -1, dtype=np.int8)
    for index, tag_id in enumerate(tag_ids):
        state = states.get(tag_id)
        if state == PRESENT:
            targets[index] = 1
        elif state == ABSENT:
            targets[index] = 0
        elif reached and tag_id in vocabulary:
            own = vocabulary[tag_id].regions
            if own and reached.isdisjoint(own):
                targets[index] = 0
    return targets
