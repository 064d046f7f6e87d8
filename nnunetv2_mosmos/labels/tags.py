"""Which tag each label of an nnU-Net dataset stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnunetv2_mosmos.discovery.names import TRAINER_OF_NETWORK, UNMIRRORED
from pretraining.errors import UserError

if TYPE_CHECKING:
    from pretraining.tags.vocabulary import Vocabulary

LabelTags = dict[str, str | None]


def foreground_labels(labels: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Names and values of the labels that a network segments.

    Args:
        labels: `dataset.json`'s `labels`: a value, or for a region several.

    Returns:
        Every entry but `ignore` and those that hold nothing but background, in nnU-Net's order of regions.
    """
    values = {
        name: tuple(int(entry) for entry in (value if isinstance(value, (list, tuple)) else [value]))
        for name, value in labels.items()
        if name != "ignore"
    }
    return {name: entries for name, entries in values.items() if set(entries) != {0}}


def resolve_label_tags(
    labels: Mapping[str, Any],
    vocabulary: Vocabulary,
    known_tags: Sequence[str],
    overrides: Mapping[str, str] | None = None,
    known_in: str = "bundle",
) -> LabelTags:
    """Find the tag of every foreground label.

    Args:
        labels: `dataset.json`'s `labels`.
        vocabulary: resolves label names ("right kidney", "LV blood cavity").
        known_tags: the tags that the bundle has an embedding for.
        overrides: tag by label, as the user gave them with `--map`.
        known_in: what has the known tags, for messages.

    Returns:
        Tag by label; None for a label that no tag fits.

    Raises:
        UserError: an override names a label that the dataset lacks, or a tag that the bundle lacks.
    """
    names = foreground_labels(labels)
    overrides = overrides or {}
    for label, tag in overrides.items():
        if label not in names:
            raise UserError(
                f"--map {label}={tag}: the dataset has no label '{label}'; its labels are {', '.join(names)}"
            )
        if tag not in known_tags:
            raise UserError(
                f"--map {label}={tag}: the {known_in} has no tag '{tag}'{_suggest(tag, known_tags)}; "
                f"its {known_in}.json lists them"
            )
    resolved = {name: overrides.get(name, vocabulary.resolve_label(name)) for name in names}
    return {name: tag if tag in known_tags else None for name, tag in resolved.items()}


def tags_of(label_tags: Mapping[str, str | None]) -> tuple[str, ...]:
    """The tags of a dataset, each once, in the order of its labels."""
    return tuple(dict.fromkeys(tag for tag in label_tags.values() if tag is not None))


def sided_labels(label_tags: Mapping[str, str | None], vocabulary: Vocabulary) -> list[str]:
    """The labels that tell left from right.

    Args:
        label_tags: tag by foreground label.
        vocabulary: knows the side of each tag.
    """
    return [label for label, tag in label_tags.items() if tag is not None and vocabulary[tag].laterality is not None]


def lateral_lines(label_tags: Mapping[str, str | None], vocabulary: Vocabulary, networks: Iterable[str]) -> list[str]:
    """What to say where labels tell left from right, because nnU-Net mirrors images and labels along all axes.

    Args:
        label_tags: tag by foreground label.
        vocabulary: knows the side of each tag.
        networks: those that may be trained (`Recipe.network`).

    Returns:
        One line, or none where no label has a side.
    """
    sided = sided_labels(label_tags, vocabulary)
    if not sided:
        return []
    trainers = " or ".join(TRAINER_OF_NETWORK[network] + UNMIRRORED for network in dict.fromkeys(networks))
    return [
        f"WARNING: {', '.join(sided)} tell left from right, and nnU-Net mirrors along all axes, in training and "
        f"prediction: train {trainers}, which leaves the left-right axis out"
    ]


def _suggest(tag: str, known_tags: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(tag, known_tags, n=3)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
