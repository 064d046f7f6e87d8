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


def whole_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 file that grows line by line, without a last one that a kill cut short.

    Args:
        path: one that does not exist has none.
    """
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        # errors: a lone surrogate in some text must not cost the run.
        temporary.write_text(text, encoding="utf-8", errors="replace", newline="\n")
