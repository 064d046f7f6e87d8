"""Reads a vocabulary file: pairs are written once and become two sides, numbered bones once and become a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pretraining.errors import UserError
from pretraining.tags.vocabulary import REGIONS, TERM_FIELDS, RegionTerms, Tag, Vocabulary

DATA_FOLDER = Path(__file__).parent / "data"
PACKAGED = "en"

_ORDINALS = (
    ("first", "1st"), ("second", "2nd"), ("third", "3rd"), ("fourth", "4th"), ("fifth", "5th"), ("sixth", "6th"),
    ("seventh", "7th"), ("eighth", "8th"), ("ninth", "9th"), ("tenth", "10th"), ("eleventh", "11th"),
    ("twelfth", "12th"),
)  # fmt: skip

_SIDE_LISTS = ("left_names", "right_names", "left_labels", "right_labels")

_FILE_FIELDS = frozenset(
    [
        "id",
        "parents",
        "regions",
        "prompts",
        "kind",
        "codes",
        "laterality",
        "side_required",
        "sides",
        "side_parents",
        "numbers",
    ]
).union(TERM_FIELDS, _SIDE_LISTS)

_TOP_FIELDS = frozenset(["language", "extends", "regions", "shared_terms", "prompt_templates", "tags"])

_PROMPTS = ("{name}", "a radiology image that shows the {name}", "a report that describes the {name}")


def read_yaml(path: Path) -> Any:
    """Parse one YAML file; every scalar stays text, so that nobody has to quote `no`, `on` or `2`.

    Raises:
        UserError: the file cannot be read or parsed.
    """
    # The C one where PyYAML was built with libyaml. Both make nothing but text, lists and mappings.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        with path.open("rb") as stream:
            return yaml.load(stream, Loader=loader)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise UserError(
            f"{path} is not valid YAML ({where}); mend it, or start from a copy of the packaged file"
        ) from error


def read_vocabulary(path: Path | None) -> Vocabulary:
    """See `pretraining.tags.vocabulary.load_vocabulary`."""
    if path is None:
        return _packaged()
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a vocabulary: it needs a mapping with a list named 'tags'")
    own = _build(content, path)
    if "extends" not in content:
        return own
    if content["extends"] != PACKAGED:
        raise UserError(f"{path} extends '{content['extends']}'; the packaged vocabulary to extend is '{PACKAGED}'")
    base = _packaged()
    replaced = {tag.id: tag for tag in own}
    tags = [replaced.pop(tag.id, tag) for tag in base] + list(replaced.values())
    return Vocabulary(tags, {**base.regions, **own.regions}, base.shared_terms | own.shared_terms)


@cache
def _packaged() -> Vocabulary:
    path = DATA_FOLDER / PACKAGED / "vocabulary.yaml"
    return _build(read_yaml(path), path)


def _build(content: Any, path: Path) -> Vocabulary:
    if not isinstance(content, dict) or not isinstance(content.get("tags"), list):
        raise UserError(f"{path} is not a vocabulary: it needs a mapping with a list named 'tags'")
    unknown = sorted(map(str, set(content) - _TOP_FIELDS))
    if unknown:
        raise UserError(f"{path}: unknown field '{unknown[0]}'; known are {', '.join(sorted(_TOP_FIELDS))}")
    templates = _texts(content, "prompt_templates", str(path), "a picture of the {name}") or _PROMPTS
    tags: list[Tag] = []
    for index, entry in enumerate(content["tags"]):
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise UserError(f"{path}: tag number {index + 1} has no 'id'; give it one, in lower case with underscores")
        _check_fields(entry, path)
        for single in _series(entry):
            tags.extend(_with_sides(single, templates))
    return Vocabulary(tags, _regions(content, path), _phrases(content, "shared_terms", str(path)))


def _regions(content: Mapping[str, Any], path: Path) -> dict[str, RegionTerms]:
    regions = content.get("regions") or {}
    if not isinstance(regions, dict) or not all(isinstance(region, dict) for region in regions.values()):
        raise UserError(f"{path}: 'regions' must map each region to its words, such as {{chest: {{terms: [thorax]}}}}")
    found = {}
    for name, region in regions.items():
        where = f"{path}, region '{name}'"
        adjacent = _texts(region, "adjacent", where)
        wrong = sorted({str(name), *adjacent}.difference(REGIONS))
        if wrong:
            raise UserError(f"{where}: unknown region '{wrong[0]}'; known are {', '.join(REGIONS)}")
        found[str(name)] = RegionTerms(_phrases(region, "terms", where), adjacent)
    return found


def _texts(content: Mapping[str, Any], name: str, where: str, example: str = "liver, hepar") -> tuple[str, ...]:
    """A list of texts, which may be missing or empty."""
    value = content.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UserError(f"{where}: '{name}' must be a list of words, such as [{example}]")
    return tuple(value)


def _phrases(content: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """A list of texts with a letter or digit in each."""
    phrases = _texts(content, name, where)
    for phrase in phrases:
        if not any(character.isalnum() for character in phrase):
            raise UserError(f"{where}: '{phrase}' in '{name}' has no letter or digit; remove it")
    return phrases


def _check_fields(entry: Mapping[str, Any], path: Path) -> None:
    where = f"{path}, tag '{entry['id']}'"
    unknown = sorted(set(entry) - _FILE_FIELDS)
    if unknown:
        raise UserError(f"{where}: unknown field '{unknown[0]}'; known are {', '.join(sorted(_FILE_FIELDS))}")
    for name in (*TERM_FIELDS, *_SIDE_LISTS):
        _phrases(entry, name, where)
    for name in ("parents", "prompts", "side_parents"):
        _texts(entry, name, where)
    if not entry.get("names"):
        raise UserError(f"{where}: 'names' is empty; give the organ's noun")
    wrong = sorted(set(_texts(entry, "regions", where)) - set(REGIONS))
    if wrong:
        raise UserError(f"{where}: unknown region '{wrong[0]}'; known are {', '.join(REGIONS)}")
    if entry.get("kind", "organ") not in ("organ", "lesion"):
        raise UserError(f"{where}: 'kind' is '{entry['kind']}'; it must be organ or lesion")
    _check_numbers(entry, where)
    if entry.get("side_required", "false") not in ("true", "false"):
        raise UserError(f"{where}: 'side_required' is '{entry['side_required']}'; it must be true or false")
    _check_sides(entry.get("sides", "false"), where)
    if entry.get("laterality") not in (None, "left", "right"):
        raise UserError(f"{where}: 'laterality' is '{entry['laterality']}'; it must be left or right")


def _check_sides(sides: Any, where: str) -> None:
    named = isinstance(sides, dict) and all(
        side in ("left", "right") and isinstance(tag, str) for side, tag in sides.items()
    )
    if not named and sides not in ("true", "false"):
        example = "{left: kidney_left, right: kidney_right}"
        raise UserError(f"{where}: 'sides' is '{sides}'; it must be true, false, or the sides' ids, such as {example}")


def _check_numbers(entry: Mapping[str, Any], where: str) -> None:
    numbers = entry.get("numbers", [])
    if not isinstance(numbers, list) or not all(str(item).isdigit() and 1 <= int(item) <= 12 for item in numbers):
        raise UserError(f"{where}: 'numbers' must be a list of numbers from 1 to 12")
    codes = entry.get("codes") or {}
    if not isinstance(codes, dict):
        raise UserError(f"{where}: 'codes' must map a terminology to a code, such as {{SCT: 10200004}}")
    for name, value in codes.items():
        single = isinstance(value, str) and "numbers" not in entry
        series = isinstance(value, list) and len(value) == len(numbers) and all(isinstance(code, str) for code in value)
        if not single and not ("numbers" in entry and series):
            raise UserError(
                f"{where}: the code '{name}' must be one code, or for a series a list with one for each number"
            )


def _series(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry a number for an entry with `numbers`; the entry itself otherwise."""
    if "numbers" not in entry:
        yield dict(entry)
        return
    for position, number in enumerate(entry["numbers"]):
        single = {key: _numbered(value, int(number)) for key, value in entry.items() if key not in ("numbers", "codes")}
        single["codes"] = {name: values[position] for name, values in (entry.get("codes") or {}).items()}
        yield single


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(number))
    if isinstance(value, dict):
        return {key: _numbered(item, number) for key, item in value.items()}
    if isinstance(value, list):
        items: list[Any] = []
        for item in value:
            if isinstance(item, str) and "{ordinal}" in item:
                items.extend(item.replace("{ordinal}", ordinal) for ordinal in _ORDINALS[number - 1])
            else:
                items.append(_numbered(item, number))
        return items
    return value


def _with_sides(entry: Mapping[str, Any], templates: tuple[str, ...]) -> Iterator[Tag]:
    """The tag of an entry, followed by its sides where it has any."""
    values: dict[str, Any] = {
        key: tuple(entry[key]) for key in (*TERM_FIELDS, "parents", "regions", "prompts") if entry.get(key)
    }
    plain: dict[str, Any] = {key: entry[key] for key in ("kind", "laterality") if key in entry}
    codes = {str(key): str(value) for key, value in (entry.get("codes") or {}).items()}
    values["prompts"] = _prompts(entry, entry["names"][0], templates)
    base = Tag(id=entry["id"], codes=codes, side_required=entry.get("side_required") == "true", **plain, **values)
    yield base
    for side, side_id in _side_ids(entry).items():
        name = f"{side} {base.names[0]}"
        parents = (base.id, *(f"{parent}_{side}" for parent in entry.get("side_parents") or []))
        yield Tag(
            id=side_id,
            names=(name, *(f"{side} {noun}" for noun in base.nouns[1:])),
            synonyms=tuple(entry.get(f"{side}_names") or ()),
            laterality=side,  # type: ignore[arg-type]
            side_of=base.id,
            parents=parents,
            regions=base.regions,
            prompts=_prompts({}, name, templates),
            kind=base.kind,
            codes=codes,
            labels=(*(f"{side} {label}" for label in base.labels), *(entry.get(f"{side}_labels") or ())),
        )


def _side_ids(entry: Mapping[str, Any]) -> dict[str, str]:
    sides = entry.get("sides")
    if not sides or sides == "false":
        return {}
    if sides == "true":
        return {side: f"{entry['id']}_{side}" for side in ("left", "right")}
    return {side: sides[side] for side in ("left", "right") if side in sides}


def _prompts(entry: Mapping[str, Any], name: str, templates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(entry.get("prompts") or ()) or tuple(template.replace("{name}", name) for template in templates)
