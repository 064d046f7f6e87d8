"""What the values of a folder's label images mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.tags.vocabulary import Vocabulary

NAMES = ("labels.json", "dataset.json")


@dataclass(frozen=True)
class MaskLabels:
    """The labels of a folder of masks.

    Attributes:
        file: where they are written.
        tags: label name -> tag id, or None where the vocabulary knows none.
        values: tag id -> the label values that make up its organ: its own label with those of its parts, or for a
            pair the labels of both sides.
        ignore: the value of unlabelled pixels (nnU-Net's `ignore`), where there is one.
    """

    file: Path
    tags: Mapping[str, str | None]
    values: Mapping[str, tuple[int, ...]]
    ignore: int | None


def read_labels(folder: Path, vocabulary: Vocabulary) -> MaskLabels:
    """Read `labels.json` or nnU-Net's `dataset.json`, in the folder of masks or the one above it.

    `labels.json` maps names to values or, as `mosmos_pretrain phantom` writes it, values to names; `dataset.json`
    holds names and values (or lists of values: regions) under `labels`.

    Args:
        folder: with the masks.
        vocabulary: resolves names to tags.

    Raises:
        UserError: there is no such file, or it holds something else, or no name is a tag's.
    """
    found = [place / name for place in (folder, folder.parent) for name in NAMES if (place / name).is_file()]
    if not found:
        raise UserError(
            f"{folder} has no labels.json and no dataset.json, nor has the folder above it; write a labels.json "
            'such as {"liver": 1, "spleen": 2}'
        )
    file = found[0]
    try:
        named = _named(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f'{file} is not an object of names and values such as {{"liver": 1}} ({error})') from error
    ignore = named.pop("ignore", (None,))[0]
    tags = {name: vocabulary.resolve_label(name) for name, values in named.items() if values != (0,)}
    own: dict[str, tuple[int, ...]] = {}
    for name, tag in tags.items():
        if tag is not None:
            own[tag] = own.get(tag, ()) + named[name]
    if not own:
        raise UserError(f"{file} names no organ of the vocabulary ({', '.join(tags)}); use names such as liver")
    values = {tag: _values(tag, own, vocabulary) for tag in vocabulary.ids}
    return MaskLabels(file, tags, {tag: inside for tag, inside in values.items() if inside}, ignore)


def _named(content: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Label name -> values, whichever way round the file has it."""
    labels = content.get("labels", content)
    if all(key.isdigit() for key in labels):
        values: dict[str, tuple[int, ...]] = {}
        for value, name in labels.items():
            values[str(name)] = (*values.get(str(name), ()), int(value))
        return values
    return {
        str(name): tuple(map(int, value)) if isinstance(value, list) else (int(value),)
        for name, value in labels.items()
    }


def _values(tag: str, own: Mapping[str, tuple[int, ...]], vocabulary: Vocabulary) -> tuple[int, ...]:
    sides = tuple(vocabulary.sides.get(tag, {}).values())
    if tag in own:
        whole: tuple[str, ...] = (tag,)
    elif sides and all(side in own for side in sides):
        whole = sides
    else:
        return ()
    return tuple(sorted(set().union(*(_with_parts(one, own, vocabulary) for one in whole))))


def _with_parts(tag: str, own: Mapping[str, tuple[int, ...]], vocabulary: Vocabulary) -> set[int]:
    """The values of a tag and of its parts, and of theirs: a part between them may have no label of its own."""
    return set(own.get(tag, ())).union(*(_with_parts(part, own, vocabulary) for part in vocabulary.children(tag)))
