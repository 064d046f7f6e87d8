"""The organ-tag vocabulary: what a tag is, what its names are, where in the body it lies, what it is part of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

REGIONS = ("head", "neck", "chest", "abdomen", "pelvis", "spine", "upper_limb", "lower_limb")

TERM_FIELDS = (
    "names", "synonyms", "parts", "adjectives", "diseases", "removals", "partial_removals", "beds", "exclude", "labels",
    "findings", "denied_findings",
)  # fmt: skip
"""The fields of a tag that hold phrases."""


@dataclass(frozen=True)
class Tag:
    """A canonical organ or lesion, and the words that name it.

    All words are plain phrases; case, hyphens and regular plurals are the miner's business.
    """

    id: str
    names: tuple[str, ...]
    """Nouns of the organ itself, the first one being the name to show: `kidney`, `left kidney`."""
    synonyms: tuple[str, ...] = ()
    """Other nouns of it: British spelling, Latin plurals, abbreviations."""
    parts: tuple[str, ...] = ()
    """Nouns of its parts (`renal pelvis`): they place it, but a missing part does not make it absent."""
    adjectives: tuple[str, ...] = ()
    """Words that place the organ without being it: `renal`."""
    diseases: tuple[str, ...] = ()
    """Findings that place the organ: `nephrolithiasis`."""
    removals: tuple[str, ...] = ()
    """Words for its whole removal: `nephrectomy`."""
    partial_removals: tuple[str, ...] = ()
    """Words for a removal that leaves it present: `hemicolectomy`."""
    beds: tuple[str, ...] = ()
    """Words for what stays when it is gone (`gallbladder fossa`): they place nothing unless said to be empty."""
    exclude: tuple[str, ...] = ()
    """Phrases that hold one of its words and do not speak of it: `liver function test`."""
    laterality: Literal["left", "right"] | None = None
    side_of: str | None = None
    """For one side of a pair, the pair: `kidney` for `kidney_left`."""
    side_required: bool = False
    """The bare noun is ambiguous and counts only with a side: `ventricle` is the heart's only as `left ventricle`."""
    parents: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    """Every body region in which it may lie (see `REGIONS`)."""
    prompts: tuple[str, ...] = ()
    """Sentences for the text encoder."""
    kind: Literal["organ", "lesion"] = "organ"
    codes: Mapping[str, str] = field(default_factory=dict)
    """Codes in open terminologies, such as `{"SCT": "64033007"}` (SNOMED CT) or `{"RadLex": "RID205"}`."""
    labels: tuple[str, ...] = ()
    """Names under which segmentation datasets know it and which reports do not use: `LV blood cavity`."""
    findings: tuple[str, ...] = ()
    """Of a lesion: nouns that name it together with the organ above it: `mass` in "a mass in the liver"."""
    denied_findings: tuple[str, ...] = ()
    """Likewise nouns that say too little to place it, and deny it: `lesion` in "no renal lesion"."""

    @property
    def nouns(self) -> tuple[str, ...]:
        """Names and synonyms."""
        return self.names + self.synonyms


@dataclass(frozen=True)
class RegionTerms:
    """A body region: the words that say a report covers it, and the regions that touch it."""

    terms: tuple[str, ...]
    adjacent: tuple[str, ...]


class Vocabulary:
    """An ordered set of tags with their hierarchy.

    Build one with `load_vocabulary` or `Vocabulary.from_dict`.

    Args:
        tags: the tags, in the order that fixes their index everywhere downstream.
        regions: each body region's words and neighbours.
        shared_terms: phrases that rightly belong to more than one tag (`hepatosplenomegaly`).
    """

    def __init__(
        self, tags: Iterable[Tag], regions: Mapping[str, RegionTerms], shared_terms: Iterable[str] = ()
    ) -> None:
        self.tags = tuple(tags)
        self.ids = tuple(tag.id for tag in self.tags)
        self.regions = dict(regions)
        self.shared_terms = frozenset(shared_terms)
        self._by_id = {tag.id: tag for tag in self.tags}
        self._children: dict[str, tuple[str, ...]] = {}
        for tag in self.tags:
            for parent in tag.parents:
                self._children[parent] = (*self._children.get(parent, ()), tag.id)

    def __getitem__(self, tag_id: str) -> Tag:
        return self._by_id[tag_id]

    def __contains__(self, tag_id: object) -> bool:
        return tag_id in self._by_id

    def __len__(self) -> int:
        return len(self.tags)

    def __iter__(self) -> Iterator[Tag]:
        return iter(self.tags)

    def children(self, tag_id: str) -> tuple[str, ...]:
        """Ids of the tags directly below, sides and lesions included."""
        return self._children.get(tag_id, ())

    def parents(self, tag_id: str) -> tuple[str, ...]:
        """Ids of the tags directly above."""
        return self._by_id[tag_id].parents

    def ancestors(self, tag_id: str) -> tuple[str, ...]:
        """Ids of all tags above, nearest first, each once."""
        found: dict[str, None] = {}
        queue = list(self.parents(tag_id))
        while queue:
            parent = queue.pop(0)
            if parent not in found and parent in self._by_id:
                found[parent] = None
                queue.extend(self.parents(parent))
        return tuple(found)

    @cached_property
    def sides(self) -> dict[str, dict[str, str]]:
        """For each pair, its sides: `{"kidney": {"left": "kidney_left", "right": "kidney_right"}}`."""
        pairs: dict[str, dict[str, str]] = {}
        for tag in self.tags:
            if tag.side_of is not None and tag.laterality is not None:
                pairs.setdefault(tag.side_of, {})[tag.laterality] = tag.id
        return pairs

    @cached_property
    def adjacent_regions(self) -> Mapping[str, frozenset[str]]:
        """For each body region, the regions that touch it (never itself)."""
        return {name: frozenset(region.adjacent) for name, region in self.regions.items()}

    @cached_property
    def _labels(self) -> Any:
        from pretraining.tags.labels import LabelIndex

        return LabelIndex(self)

    def resolve_label(self, name: str) -> str | None:
        """The tag of a segmentation dataset's label name, or None when that is not certain.

        Understands tag ids, the vocabulary's names, underscores, CamelCase and sides in any place: `kidney_right`,
        `Right Kidney`, `RightKidney`, `portal vein and splenic vein`, `LV blood cavity`.
        """
        found: str | None = self._labels.resolve(name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The whole vocabulary as plain JSON types; `from_dict` reads it back."""
        tags = []
        for tag in self.tags:
            entry = {key: value for key, value in asdict(tag).items() if value not in ((), None, False, {})}
            tags.append({key: list(value) if isinstance(value, tuple) else value for key, value in entry.items()})
        regions = {
            name: {"terms": list(region.terms), "adjacent": list(region.adjacent)}
            for name, region in self.regions.items()
        }
        return {"regions": regions, "shared_terms": sorted(self.shared_terms), "tags": tags}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Vocabulary:
        """Read what `to_dict` wrote.

        Raises:
            KeyError, TypeError: the content is not a vocabulary.
        """
        known = {entry.name for entry in fields(Tag)}
        tags = []
        for entry in content["tags"]:
            values: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in entry.items() if key in known
            }
            tags.append(Tag(**values))
        regions = {
            name: RegionTerms(tuple(region["terms"]), tuple(region["adjacent"]))
            for name, region in content["regions"].items()
        }
        return cls(tags, regions, content.get("shared_terms", ()))

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON: two vocabularies with one hash mine alike."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def load_vocabulary(path: Path | None = None) -> Vocabulary:
    """Read a vocabulary file.

    Args:
        path: a YAML file laid out like the packaged `data/en/vocabulary.yaml`. One with `extends: en` adds its tags to
            the packaged ones and replaces those of the same id. None reads the packaged English one.

    Raises:
        UserError: the file cannot be read or is not a vocabulary; the message names the tag and the field.
    """
    from pretraining.tags.vocabulary_file import read_vocabulary

    return read_vocabulary(path)
