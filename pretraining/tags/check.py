"""Finds the slips of a vocabulary: duplicates, terms that can never be found, circular parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from pretraining.tags.lexicon import build_lexicon, words_of
from pretraining.tags.rules import load_rules
from pretraining.tags.scan import Scanner, lower
from pretraining.tags.vocabulary import Tag, Vocabulary

_TERMS = ("names", "synonyms", "parts", "adjectives", "diseases", "removals", "partial_removals", "beds")


def check_vocabulary(vocabulary: Vocabulary) -> list[str]:
    """One sentence a problem; an empty list for a sound vocabulary."""
    return [
        *_duplicate_ids(vocabulary),
        *_parents(vocabulary),
        *_regions(vocabulary),
        *_duplicate_terms(vocabulary),
        *_excluded_terms(vocabulary),
        *_unreachable_terms(vocabulary),
    ]


def _own_terms(tag: Tag) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The terms that a person wrote for a tag; the names of a side follow from its pair."""
    for field in _TERMS:
        if field == "names" and tag.side_of is not None:
            continue
        for term in getattr(tag, field):
            yield term, words_of(term)


def _duplicate_ids(vocabulary: Vocabulary) -> Iterator[str]:
    for tag_id, count in Counter(vocabulary.ids).items():
        if count > 1:
            yield f"tag '{tag_id}' is defined {count} times; keep one"


def _parents(vocabulary: Vocabulary) -> Iterator[str]:
    for tag in vocabulary:
        for parent in tag.parents:
            if parent not in vocabulary:
                yield f"tag '{tag.id}': its parent '{parent}' is not a tag; define it or correct the name"
    for tag in vocabulary:
        if tag.id in vocabulary.ancestors(tag.id):
            yield f"tag '{tag.id}': its parents lead back to itself; remove one of them"


def _regions(vocabulary: Vocabulary) -> Iterator[str]:
    for name, region in vocabulary.regions.items():
        for other in region.adjacent:
            if name not in vocabulary.adjacent_regions.get(other, frozenset()):
                yield f"region '{name}' is adjacent to '{other}', but not the other way round; list it in both"
    for tag in vocabulary:
        if not tag.regions:
            yield f"tag '{tag.id}' has no body region; without one it is never a negative"


def _duplicate_terms(vocabulary: Vocabulary) -> Iterator[str]:
    shared = {words_of(term) for term in vocabulary.shared_terms}
    owners: dict[tuple[str, ...], dict[str, str]] = {}
    for tag in vocabulary:
        seen: set[tuple[str, ...]] = set()
        for term, words in _own_terms(tag):
            if words in seen:
                yield f"tag '{tag.id}': '{term}' stands in it twice; keep one"
            seen.add(words)
            owners.setdefault(words, {})[tag.id] = term
    for words, tags in owners.items():
        if len(tags) > 1 and words not in shared and not _is_below_the_others(vocabulary, tags):
            names = ", ".join(f"'{tag}'" for tag in tags)
            yield f"'{' '.join(words)}' belongs to the tags {names}; keep it in one, or list it in shared_terms"
    for words in sorted(shared):
        if len(owners.get(words, ())) < 2:
            yield f"'{' '.join(words)}' stands in shared_terms but is shared by no two tags; remove it there"


def _is_below_the_others(vocabulary: Vocabulary, tags: dict[str, str]) -> bool:
    """Whether one of the tags lies below all others: a lesion's name may be a disease of its organ."""
    ids = list(tags)
    return any(all(other == tag or other in vocabulary.ancestors(tag) for other in ids) for tag in ids)


def _excluded_terms(vocabulary: Vocabulary) -> Iterator[str]:
    for tag in vocabulary:
        excluded = {words_of(phrase) for phrase in tag.exclude}
        for term, words in _own_terms(tag):
            if words in excluded:
                yield f"tag '{tag.id}': '{term}' is both a term and excluded; remove one"


def _unreachable_terms(vocabulary: Vocabulary) -> Iterator[str]:
    """Look every term up as the miner would, and see whether one phrase takes all its words."""
    scanner = Scanner(build_lexicon(vocabulary, load_rules()))
    for tag in vocabulary:
        for term, words in _own_terms(tag):
            if not words:
                yield f"tag '{tag.id}': '{term}' has no letters or digits, so that it can never be found"
                continue
            row = scanner.scan(lower(term))
            whole = row is not None and row.first[0] == 0 and row.last(0) == len(words) - 1
            if row is None or not whole or tag.id not in {target.tag for target in row.entries[0].targets}:
                yield f"tag '{tag.id}': '{term}' can never be found; write it as words with single spaces"
