"""A prepared folder as tar files that are read from front to back: for corpora beyond a disk."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pretraining.data.corpus import read_corpus
from pretraining.data.intensities import choose_normalization
from pretraining.data.shards.index import ShardIndex, write_index
from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
from pretraining.studies.arrays import SUFFIX, read_shape
from pretraining.studies.atomic import atomic_path
from pretraining.studies.manifest import MANIFEST_NAME, SPLITS, Study, read_manifest


def write_shards(data: Path, output: Path, studies_per_shard: int, prefix: str = "") -> ShardIndex:
    """Write shards, their index, and the manifest and vocabulary that training keeps in memory.

    Studies are shuffled once: a stream mixes only neighbors.

    Args:
        data: what `prepare` wrote.
        output: a new folder.
        studies_per_shard: studies a tar.
        prefix: stands before each tar's name in the index, e.g. `https://host/corpus/`.

    Raises:
        UserError: no prepared folder, or one without a report in its training studies; an image that cannot be read; a
            folder that is not new, or cannot be written to.
    """
    if studies_per_shard < 1:
        raise UserError(f"--studies-per-shard must be at least 1, not {studies_per_shard}")
    if output.is_file():
        raise UserError(f"{output} is a file; give a new folder as --output")
    if output.exists() and any(output.iterdir()):
        raise UserError(f"{output} is not empty; give a new folder as --output")
    studies = read_manifest(data)
    channels = read_shape(data / studies[0].images[0])[0]
    normalization = choose_normalization("auto", read_corpus(data)).to_dict()
    shards: dict[str, tuple[str, ...]] = {}
    state, then = "the shards are incomplete", "run the same command again with a new folder as --output"
    with (
        disk_problems_are_users(output, state=state, then=then),
        tqdm(total=len(studies), desc="shards", unit="study") as bar,
    ):
        output.mkdir(parents=True, exist_ok=True)
        for split in SPLITS:
            chosen = [study for study in studies if study.split == split]
            order = np.random.default_rng(0).permutation(len(chosen))
            names: list[str] = []
            for start in range(0, len(chosen), studies_per_shard):
                names.append(f"{split}-{len(names):06d}.tar")
                members = [chosen[number] for number in order[start : start + studies_per_shard]]
                _write_shard(output / names[-1], data, members)
                bar.update(len(members))
            shards[split] = tuple(prefix + name for name in names)
        for name in (MANIFEST_NAME, "vocabulary.json"):
            shutil.copyfile(data / name, output / name)
        # Last: a folder with an index is whole.
        index = ShardIndex(folder=output, channels=channels, normalization=normalization, shards=shards)
        write_index(index)
    return index


def _write_shard(file: Path, data: Path, studies: Sequence[Study]) -> None:
    images = [(study, image) for study in studies for image in study.images]
    with atomic_path(file) as temporary, tarfile.open(temporary, "w") as tar:
        for number, (study, image) in enumerate(images):
            _add(tar, f"{number:06d}{SUFFIX}", _stored(data / image))
            content = json.dumps({**asdict(study), "image": image}, ensure_ascii=False)
            _add(tar, f"{number:06d}.json", content.encode(errors="replace"))


def _stored(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise UserError(
            f"{image} cannot be read ({error.strerror}); put it back, or prepare the studies again, and give a new "
            "folder as --output"
        ) from error


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
