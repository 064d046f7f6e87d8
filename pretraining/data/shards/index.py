"""What a folder of shards says of itself: `shards.json`, beside the manifest and the vocabulary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pretraining.errors import UserError
from pretraining.studies.atomic import write_text

INDEX = "shards.json"
FORMAT = "mosmos-shards"
FORMAT_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """Where the images are.

    Attributes:
        folder: the index's own.
        channels: of the images.
        normalization: what `--normalization auto` chooses, as plain types: nobody reads shards twice for it.
        shards: split -> files, relative to the folder, or anything that webdataset opens: `https://...`,
            `pipe:command`.
    """

    folder: Path
    channels: int
    normalization: Mapping[str, Any]
    shards: Mapping[str, tuple[str, ...]]

    def locations(self, split: str) -> list[str]:
        """What to open for a split.

        Raises:
            UserError: a file is missing.
        """
        found = []
        for shard in self.shards.get(split, ()):
            remote = shard.startswith("pipe:") or "://" in shard
            if not remote and not (self.folder / shard).is_file():
                raise UserError(
                    f"{self.folder / shard} is missing: copy it there, or correct its place in {self.folder / INDEX}"
                )
            found.append(shard if remote else str(self.folder / shard))
        return found


def is_sharded(folder: Path) -> bool:
    """Whether a folder is what `mosmos_pretrain shard` wrote."""
    return (folder / INDEX).is_file()


def write_index(index: ShardIndex) -> None:
    """Write `shards.json`, atomically."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(index)}
    del content["folder"]
    write_text(index.folder / INDEX, json.dumps(content, indent=1))


def read_index(folder: Path) -> ShardIndex:
    """Read `shards.json`.

    Raises:
        UserError: it is damaged, or of another version.
    """
    file = folder / INDEX
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if (found["format"], found["format_version"]) != (FORMAT, FORMAT_VERSION):
            raise UserError(f"{file} is of another version: run `mosmos_pretrain shard` again with this one")
        shards = {split: tuple(names) for split, names in found["shards"].items()}
        return ShardIndex(
            folder=folder,
            channels=int(found["channels"]),
            normalization=dict(found["normalization"]),
            shards=shards,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file} is damaged ({error!r}): run `mosmos_pretrain shard` again") from error
