"""A run's folder: what it was told, what it saw, so that it can be resumed and exported without the prepared folder."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec
from pretraining.tags.vocabulary import Vocabulary
from pretraining.training.config import TrainConfig

CONFIG, CORPUS, VOCABULARY, ENVIRONMENT, TOKENIZER = (
    "config.yaml",
    "corpus.json",
    "vocabulary.json",
    "environment.json",
    "tokenizer",
)
LIBRARIES = (
    "torch",
    "transformers",
    "monai",
    "dynamic_network_architectures",
    "batchgeneratorsv2",
    "numpy",
    "safetensors",
)


@dataclass(frozen=True)
class RunRecord:
    """What a run folder says of the run besides its checkpoints.

    Attributes:
        config: all options that change the result.
        spec: the image encoder.
        normalization: how intensities become input.
        vocabulary: the vocabulary of the reports.
        tag_ids: the tags that training uses.
        present: training studies each tag is present in.
        absent: training studies each tag is absent from.
        data: counts and hashes of the prepared folder.
    """

    config: TrainConfig
    spec: EncoderSpec
    normalization: Normalization
    vocabulary: Vocabulary
    tag_ids: tuple[str, ...]
    present: dict[str, int]
    absent: dict[str, int]
    data: dict[str, Any]


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide the result."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def write_record(folder: Path, record: RunRecord) -> None:
    """Start a run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VOCABULARY).write_text(json.dumps(record.vocabulary.to_dict(), ensure_ascii=False), encoding="utf-8")
    corpus = {
        "encoder": record.spec.to_dict(),
        "normalization": record.normalization.to_dict(),
        "tag_ids": list(record.tag_ids),
        "present": record.present,
        "absent": record.absent,
        "data": record.data,
    }
    (folder / CORPUS).write_text(json.dumps(corpus, indent=2), encoding="utf-8")
    (folder / ENVIRONMENT).write_text(json.dumps(versions(), indent=2), encoding="utf-8")
    # Last: a folder with a configuration is a run.
    (folder / CONFIG).write_text(yaml.safe_dump(record.config.to_dict(), sort_keys=False), encoding="utf-8")


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run."""
    return (folder / CONFIG).is_file()


def read_record(folder: Path) -> RunRecord:
    """Read a run folder.

    Raises:
        UserError: it is not one.
    """
    if not is_run(folder):
        raise UserError(
            f"{folder} is not a run ({CONFIG} is missing); give the folder of `mosmos_pretrain train --output`"
        )
    config = TrainConfig.from_dict(yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8")))
    corpus = json.loads((folder / CORPUS).read_text(encoding="utf-8"))
    vocabulary = Vocabulary.from_dict(json.loads((folder / VOCABULARY).read_text(encoding="utf-8")))
    return RunRecord(
        config,
        EncoderSpec.from_dict(corpus["encoder"]),
        Normalization.from_dict(corpus["normalization"]),
        vocabulary,
        tuple(corpus["tag_ids"]),
        corpus["present"],
        corpus["absent"],
        corpus["data"],
    )


def _settings(record: RunRecord) -> dict[str, Any]:
    """Every option under its name on the command line, and every fact of the data."""
    options = {
        f"--{name.replace('_', '-')}": value
        for group in record.config.to_dict().values()
        for name, value in group.items()
    }
    return options | record.data


def refuse_difference(folder: Path, record: RunRecord) -> None:
    """A run is resumed with what it was started with, or not at all.

    Args:
        folder: the run.
        record: what it would be resumed with.

    Raises:
        UserError: names every difference.
    """
    before = read_record(folder)
    old, new = (_settings(one) for one in (before, record))
    changed = [
        f"{name} {old.get(name)} -> {new.get(name)}" for name in sorted(old | new) if old.get(name) != new.get(name)
    ]
    if changed:
        raise UserError(
            f"{folder} was started with other settings ({'; '.join(changed)}); give the old ones to resume it, or "
            "another --output to start afresh"
        )
