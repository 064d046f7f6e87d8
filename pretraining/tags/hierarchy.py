"""From a report's facts to one state a tag: conflicts, parts and wholes, sides and pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pretraining.tags.states import ABSENT, PRESENT
from pretraining.tags.vocabulary import Vocabulary


class Hierarchy:
    """Knows which tags follow from which.

    Child present makes its parents present. Parent absent makes its children absent. Children absent make the parent
    absent only when all of them are. A denied lesion still shows the organ that it was looked for in.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lesions = frozenset(tag.id for tag in vocabulary if tag.kind == "lesion")
        self._above = {tag.id: vocabulary.ancestors(tag.id) for tag in vocabulary}
        below: dict[str, list[str]] = {tag.id: [] for tag in vocabulary}
        for tag_id, ancestors in self._above.items():
            for ancestor in ancestors:
                below[ancestor].append(tag_id)
        self._below = {tag_id: tuple(ids) for tag_id, ids in below.items()}
        self._makers = {tag.id: self._parts(tag.id) for tag in vocabulary}

    def _parts(self, tag_id: str) -> tuple[str, ...]:
        """The children that together are the whole: its sides, else the organs below it if it has no other parts."""
        sides = self._vocabulary.sides.get(tag_id)
        if sides:
            return tuple(sides.values()) if len(sides) == 2 else ()
        children = tuple(child for child in self._vocabulary.children(tag_id) if child not in self._lesions)
        return children if len(children) > 1 and not self._vocabulary[tag_id].parts else ()

    def above(self, tag_id: str) -> tuple[str, ...]:
        """Ids of all tags above."""
        return self._above[tag_id]

    def close(self, states: Mapping[str, str], strong_absent: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Everything that follows from direct states.

        Args:
            states: what the report itself says of each tag.
            strong_absent: the absent ones that outweigh a part being seen (removed or not visualised, and not only in
                the history).

        Returns:
            Tag id -> (state, the tag from which it follows; the tag itself when it is direct).
        """
        firm = {tag_id for tag_id in strong_absent if states.get(tag_id) == ABSENT}
        found = {tag_id: (state, tag_id) for tag_id, state in states.items()}
        for tag_id, state in states.items():
            above = self._above[tag_id]
            if not firm.isdisjoint(above):
                continue
            if state == PRESENT:
                shown = [tag for tag in above if found.get(tag, (ABSENT, ""))[0] == ABSENT]
            elif tag_id in self._lesions:
                shown = [tag for tag in above if tag not in found and tag not in self._lesions]
            else:
                continue
            found.update((tag, (PRESENT, tag_id)) for tag in shown)
        self._close_absent(found)
        return found

    def _close_absent(self, found: dict[str, tuple[str, str]]) -> None:
        changed = True
        while changed:
            changed = False
            for tag_id in [tag_id for tag_id, (state, _) in found.items() if state == ABSENT]:
                for below in self._below[tag_id]:
                    if found.get(below, (PRESENT, ""))[0] != ABSENT:
                        found[below] = (ABSENT, tag_id)
                        changed = True
                for parent in self._vocabulary.parents(tag_id):
                    parts = self._makers.get(parent, ())
                    if parent not in found and parts and all(found.get(part, ("", ""))[0] == ABSENT for part in parts):
                        found[parent] = (ABSENT, tag_id)
                        changed = True
