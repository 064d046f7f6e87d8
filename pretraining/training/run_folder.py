"""A run's folder: what it was told, what it saw, so that it can be resumed and exported without the prepared folder."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec
from pretraining.studies.atomic import write_text
from pretraining.tags.vocabulary import Vocabulary
from pretraining.training.config import TrainConfig

CONFIG, CORPUS, VOCABULARY, ENVIRONMENT, TOKENIZER = (
    "config.yaml",
    "corpus.json",
    "vocabulary.json",
    "environment.json",
    "tokenizer",
)
PARTS = {CONFIG, CORPUS, VOCABULARY, ENVIRONMENT, TOKENIZER}
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


def own_version() -> str:
    """This package's version; `source` where it is not installed."""
    try:
        return version("nnunetv2-mosmos")
    except PackageNotFoundError:
        return "source"


def versions(libraries: Sequence[str] = LIBRARIES) -> dict[str, str]:
    """Versions of Python and of the libraries that decide the result, as far as they are installed."""
    found = {"python": platform.python_version()}
    for library in libraries:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def write_record(folder: Path, record: RunRecord) -> None:
    """Start a run folder."""
    write_text(folder / VOCABULARY, json.dumps(record.vocabulary.to_dict(), ensure_ascii=False))
    corpus = {
        "encoder": record.spec.to_dict(),
        "normalization": record.normalization.to_dict(),
        "tag_ids": list(record.tag_ids),
        "present": record.present,
        "absent": record.absent,
        "data": record.data,
    }
    write_text(folder / CORPUS, json.dumps(corpus, indent=2))
    write_text(folder / ENVIRONMENT, json.dumps(versions(), indent=2))
    # Last: a folder with a configuration is a run.
    write_text(folder / CONFIG, yaml.safe_dump(record.config.to_dict(), sort_keys=False))


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


def read_settings(folder: Path) -> dict[str, Any]:
    """Every option of a run under its name on the command line, and every fact of its data."""
    config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    return _settings(config, json.loads((folder / CORPUS).read_text(encoding="utf-8"))["data"])


def settings_of(record: RunRecord) -> dict[str, Any]:
    """The same of a run that is not written yet."""
    return _settings(record.config.to_dict(), record.data)


def _settings(config: dict[str, dict[str, Any]], data: dict[str, Any]) -> dict[str, Any]:
    options = {f"--{name.replace('_', '-')}": value for group in config.values() for name, value in group.items()}
    return options | data
