"""Files that appear whole or not at all, whatever happens in the middle of writing them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder, which becomes `path` when the block ends well and vanishes otherwise.

    Args:
        path: the file to write; its folder is created.

    Yields:
        The path to write to. It keeps the suffix of `path`, because some libraries decide by suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        # errors: a lone surrogate in some text must not cost the run.
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
