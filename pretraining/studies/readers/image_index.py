"""Images below a folder by their names, for corpora whose tables name images without their folders."""

from __future__ import annotations

import os
from pathlib import Path

from pretraining.studies.images.load import SUFFIXES
from pretraining.studies.merge import image_stem


def index_images(root: Path) -> dict[str, Path]:
    """All image files below `root` by file name, and by name without suffix; of two with one name, the first."""
    index: dict[str, Path] = {}
    for path in image_files(root):
        index.setdefault(path.name, path)
        index.setdefault(image_stem(path), path)
    return index


def image_files(root: Path) -> list[Path]:
    """All files below `root` with the suffix of an image, sorted; hidden ones are not looked at."""
    files: list[Path] = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        files += [
            Path(folder, name) for name in sorted(names) if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return files
