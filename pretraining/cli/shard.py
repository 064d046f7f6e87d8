"""`mosmos_pretrain shard`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    data: Path
    """Folder that `mosmos_pretrain prepare` wrote."""
    output: Path
    """New folder: tar files, and an index that `mosmos_pretrain train --data` takes."""
    studies_per_shard: int = 256
    """Studies a tar. Every reading process needs at least one tar of the training studies."""
    prefix: str = ""
    """Where the tars will be read from, put before each one's name in the index: `https://host/corpus/`, or
    `pipe:curl -s https://host/corpus/`. Beside the index when omitted."""


def run(options: Options) -> int:
    """Write the shards."""
    from pretraining.data.shards.write import write_shards

    index = write_shards(options.data, options.output, options.studies_per_shard, options.prefix)
    counts = ", ".join(f"{len(names)} {split}" for split, names in index.shards.items())
    logging.getLogger(__name__).info("%s: %s tar file(s); give it to train as --data", options.output, counts)
    return 0
