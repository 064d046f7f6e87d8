"""What training needs to know of a prepared folder, in memory: numbers, not texts or images."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pretraining.data.shards.index import is_sharded, read_index
from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import read_shape
from pretraining.studies.manifest import Study, read_manifest
from pretraining.studies.modalities import UNKNOWN
from pretraining.tags.states import recognition_targets
from pretraining.tags.vocabulary import Vocabulary
from pretraining.text.bank import TextNumbers

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Pair:
    """One image with what its report says.

    Attributes:
        study: the study's id.
        image: the array's file.
        report: the report's text number.
        targets: `(K,)` int8 in {1 present, 0 negative, -1 unknown}.
        sentences: pairs of a tag's index and the text number of what the report says of it.
        split: `train`, `val` or `test`.
        spacing: mm an axis, where known.
        modality: `CT`, `MR`, ... or `unknown`.
    """

    study: str
    image: Path
    report: int
    targets: NDArray[np.int8]
    sentences: tuple[tuple[int, int], ...]
    split: str
    spacing: tuple[float, ...] | None
    modality: str = UNKNOWN


@dataclass(frozen=True)
class Corpus:
    """A prepared folder in memory.

    Attributes:
        pairs: every image of every study with a report.
        texts: distinct texts, by number: reports, sentences, prompts.
        vocabulary: the vocabulary of the prepared folder.
        channels: of the images.
        tag_ids: tags that training uses: those that a training report settles as present at least once.
        prompts: text numbers of each used tag's prompts.
        present: studies a tag is present in, over the training split.
        absent: studies a tag is absent from, likewise.
        manifest_hash: SHA-256 of `studies.jsonl`.
        normalization: what shards say that their images need; None where images can be looked at.
    """

    pairs: tuple[Pair, ...]
    texts: list[str]
    vocabulary: Vocabulary
    channels: int
    tag_ids: tuple[str, ...]
    prompts: tuple[tuple[int, ...], ...]
    present: dict[str, int]
    absent: dict[str, int]
    manifest_hash: str
    normalization: Normalization | None = None

    def of(self, split: str) -> list[Pair]:
        """The pairs of one split."""
        return [pair for pair in self.pairs if pair.split == split]


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary that a prepared folder's reports were read with.

    Raises:
        UserError: the folder has none.
    """
    file = folder / "vocabulary.json"
    if not file.is_file():
        raise UserError(
            f"{folder} has no vocabulary.json; give the folder that `mosmos_pretrain prepare --output` wrote"
        )
    return Vocabulary.from_dict(json.loads(file.read_text(encoding="utf-8")))


def _counts(studies: Sequence[Study], state: str) -> dict[str, int]:
    counts = Counter(tag for study in studies for tag, found in study.tags.items() if found == state)
    return dict(sorted(counts.items()))


def read_corpus(folder: Path) -> Corpus:
    """Read a prepared folder.

    Args:
        folder: what `prepare` or `shard` wrote.

    Raises:
        UserError: no training study with a report, or no tag in any of them.
    """
    vocabulary = read_vocabulary(folder)
    shards = read_index(folder) if is_sharded(folder) else None
    studies = [study for study in read_manifest(folder, with_images=shards is None) if study.report]
    training = [study for study in studies if study.split == "train"]
    if not training:
        raise UserError(f"{folder} has no training study with a report; see its rejects.csv, and prepare it again")
    present = _counts(training, "present")
    tag_ids = tuple(tag for tag in vocabulary.ids if present.get(tag, 0))
    if not tag_ids:
        raise UserError(f"no report in {folder} places any organ in its image; see tags in its prepare.html")
    numbers = TextNumbers()
    prompts = tuple(tuple(numbers.add_all(vocabulary[tag].prompts)) for tag in tag_ids)
    index = {tag: position for position, tag in enumerate(tag_ids)}
    pairs = []
    for study in studies:
        targets = recognition_targets(study.tags, study.regions, vocabulary, tag_ids)
        report = numbers.add(study.report)
        sentences = tuple(
            (index[tag], numbers.add(" ".join(spoken)))
            for tag, spoken in sorted(study.sentences.items())
            if tag in index
        )
        for image, spacing in zip(study.images, study.image_spacings, strict=True):
            pairs.append(
                Pair(study.id, folder / image, report, targets, sentences, study.split, spacing, study.modality)
            )
    manifest_hash = hashlib.sha256((folder / "studies.jsonl").read_bytes()).hexdigest()
    return Corpus(
        tuple(pairs),
        numbers.texts,
        vocabulary,
        shards.channels if shards else read_shape(folder / training[0].images[0])[0],
        tag_ids,
        prompts,
        present,
        _counts(training, "absent"),
        manifest_hash,
        Normalization.from_dict(shards.normalization) if shards else None,
    )
