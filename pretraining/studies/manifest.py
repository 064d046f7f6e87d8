"""The manifest of a prepared folder: `studies.jsonl`, one study a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pretraining.errors import UserError
from pretraining.studies.atomic import atomic_path

MANIFEST_NAME = "studies.jsonl"
SPLITS = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Study:
    """One report and its images, ready for training.

    Attributes:
        id: unique in the manifest.
        patient: all studies of a patient are in one split.
        split: `train`, `val` or `test`.
        images: arrays `(C, *spatial)`, relative to the prepared folder.
        report: the text as it was given; empty for a study prepared with `--images-only`.
        tags: tag id -> `present` or `absent`; a tag that the report does not mention is not in it.
        regions: body regions that the study covers.
        sentences: tag id -> the sentences of the report that speak about it.
        modality: `CT`, `MR`, `XR`, `US`, ... or `unknown`.
        spacings: of each of `images`, mm in the order of its array's axes; None where nobody knows it, and none at all
            where nobody knows any.
        source: where the study came from, e.g. `pairs.csv:12`.
        masks: label arrays in the geometry of `images`, one for each of them, or none at all.
        flags: what a person should look at, e.g. `text is not English`.
    """

    id: str
    patient: str
    split: str
    images: tuple[str, ...]
    report: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    sentences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    modality: str = "unknown"
    spacings: tuple[tuple[float, ...] | None, ...] = ()
    source: str = ""
    masks: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def image_spacings(self) -> tuple[tuple[float, ...] | None, ...]:
        """`spacings`, one for each image in any case."""
        return self.spacings or (None,) * len(self.images)


def write_manifest(folder: Path, studies: Iterable[Study]) -> None:
    """Write `folder/studies.jsonl`, atomically: a reader sees the old manifest or the new one."""
    # errors: a lone surrogate in some text must not cost the run.
    with (
        atomic_path(folder / MANIFEST_NAME) as temporary,
        temporary.open("w", encoding="utf-8", errors="replace", newline="\n") as file,
    ):
        for study in studies:
            file.write(json.dumps(asdict(study), ensure_ascii=False) + "\n")


def read_manifest(folder: Path, with_images: bool = True) -> list[Study]:
    """Read and check the manifest of a prepared folder.

    Args:
        folder: the prepared folder.
        with_images: whether the images lie there too, and not in shards.

    Raises:
        UserError: names file and line of what is wrong: not JSON, a missing or mistyped field, an unknown split or tag
            state, a duplicated id, a patient in two splits, an image that is not there.
    """
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise UserError(
            f"{folder} is not a prepared folder (no {MANIFEST_NAME}): make one with `mosmos_pretrain prepare`"
        )
    studies: list[Study] = []
    known_ids: dict[str, int] = {}
    patient_splits: dict[str, str] = {}
    present_files = {name: set(os.listdir(folder / name)) for name in ("images", "masks") if (folder / name).is_dir()}
    try:
        # Not splitlines(): reports may hold U+2028 and other characters that it takes for line ends.
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text ({error}): run `mosmos_pretrain prepare` again") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            study = _parse(line)
            if study.id in known_ids:
                raise ValueError(f"the id '{study.id}' is already on line {known_ids[study.id]}")
            split = patient_splits.setdefault(study.patient, study.split)
            if split != study.split:
                raise ValueError(f"patient '{study.patient}' is in '{split}' and in '{study.split}'")
            if with_images:
                _check_files(study, folder, present_files)
        except ValueError as error:
            raise UserError(
                f"{path}:{number}: {error}: correct the line, or run `mosmos_pretrain prepare` again"
            ) from error
        known_ids[study.id] = number
        studies.append(study)
    if not studies:
        raise UserError(f"{path} holds no study: run `mosmos_pretrain prepare` again and read rejects.csv")
    return studies


def _parse(line: str) -> Study:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise ValueError(f"not a JSON object but {type(row).__name__}")
    study = Study(
        id=_text(row, "id", required=True),
        patient=_text(row, "patient", required=True),
        split=_text(row, "split", required=True),
        images=_texts(row, "images"),
        report=_text(row, "report"),
        tags=_mapping(row, "tags"),
        regions=_texts(row, "regions"),
        sentences={tag: _as_texts(value, f"sentences.{tag}") for tag, value in _mapping(row, "sentences").items()},
        modality=_text(row, "modality") or "unknown",
        spacings=_spacings(row),
        source=_text(row, "source"),
        masks=_texts(row, "masks"),
        flags=_texts(row, "flags"),
    )
    if study.split not in SPLITS:
        raise ValueError(f"split is '{study.split}', not one of {', '.join(SPLITS)}")
    if not study.images:
        raise ValueError("images is empty")
    if study.masks and len(study.masks) != len(study.images):
        raise ValueError(f"{len(study.masks)} masks for {len(study.images)} images")
    if study.spacings and len(study.spacings) != len(study.images):
        raise ValueError(f"{len(study.spacings)} spacings for {len(study.images)} images")
    for tag, state in study.tags.items():
        if state not in ("present", "absent"):
            raise ValueError(f"tag '{tag}' is {state!r}, not 'present' or 'absent'")
    return study


def _text(row: dict[str, Any], key: str, required: bool = False) -> str:
    value = row.get(key, None if required else "")
    if not isinstance(value, str) or (required and not value):
        raise ValueError(f"'{key}' is {value!r}, not a text")
    return value


def _texts(row: dict[str, Any], key: str) -> tuple[str, ...]:
    return _as_texts(row.get(key, []), key)


def _as_texts(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"'{key}' is {value!r}, not a list of texts")
    return tuple(value)


def _mapping(row: dict[str, Any], key: str) -> dict[str, Any]:
    value = row.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"'{key}' is {value!r}, not an object")
    return value


def _spacings(row: dict[str, Any]) -> tuple[tuple[float, ...] | None, ...]:
    if "spacings" not in row:
        # Older manifests know one for all images.
        spacing = _spacing(row.get("spacing"), "spacing")
        return (spacing,) * len(_texts(row, "images")) if spacing else ()
    values = row["spacings"]
    if not isinstance(values, list):
        raise ValueError(f"'spacings' is {values!r}, not a list")
    return tuple(_spacing(value, "spacings") for value in values)


def _spacing(value: Any, key: str) -> tuple[float, ...] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)
    if not numbers or not all(0 < x < float("inf") for x in value):
        raise ValueError(f"'{key}' is {value!r}, not a list of positive numbers or null")
    return tuple(float(x) for x in value)


def _check_files(study: Study, folder: Path, present_files: Mapping[str, set[str]]) -> None:
    for name in study.images + study.masks:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"'{name}' lies outside the prepared folder")
        if len(path.parts) == 2 and path.parts[0] in present_files:
            found = path.parts[1] in present_files[path.parts[0]]
        else:
            found = (folder / name).is_file()
        if not found:
            raise ValueError(f"'{name}' is missing")
