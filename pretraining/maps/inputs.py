"""Which images a command line names, and what their outputs are called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.merge import image_stem
from pretraining.studies.readers.image_folder import images_below


def find_images(inputs: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Images by their paths, each with the folder below `output` that its maps go into.

    Folders keep their structure: an image's folder bears its path below the folder that holds all inputs, without the
    file's suffix; a link is called what it is called itself. Maps that lie in `output` already are no input.

    Args:
        inputs: image files; of a folder, every image below it, a folder of DICOM objects being one image.
        output: where maps are written.

    Returns:
        Image (a file, or a DICOM folder) to relative folder.

    Raises:
        UserError: a folder holds no image, or is the output itself.
    """
    places: dict[Path, Path] = {}
    for entry in inputs:
        images = {path: _absolute(path) for path in _images_of(entry, output)}
        if not images:
            raise UserError(f"there is no image below {entry}; give image files, or a folder that holds some")
        places |= images
    root = Path(os.path.commonpath([_absolute(path) if path.is_dir() else _absolute(path).parent for path in inputs]))
    # A series given by itself is called what its folder is called.
    root = root.parent if root in places.values() else root
    whole = {path: place.relative_to(root) for path, place in places.items()}
    short = {path: name if path.is_dir() else name.with_name(image_stem(path)) for path, name in whole.items()}
    uses = Counter(short.values())
    return {path: name if uses[name] == 1 else whole[path] for path, name in short.items()}


def _absolute(path: Path) -> Path:
    # Not `resolve`: a linked image may lie anywhere, and its name is the link's.
    return Path(os.path.abspath(path))


def _images_of(entry: Path, output: Path) -> list[Path]:
    if not entry.is_dir():
        return [entry]
    if entry.resolve() == output.resolve():
        raise UserError(f"{entry} is --input and --output; give another --output, for maps are images too")
    written = output.resolve() if output.resolve().is_relative_to(entry.resolve()) else None
    return [path for path in images_below(entry) if written not in path.resolve().parents]
