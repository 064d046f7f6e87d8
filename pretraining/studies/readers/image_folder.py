"""A folder of images without reports: every image, or every DICOM folder, is a study.

nnU-Net's names are understood: `case_0000.nii.gz` and `case_0001.nii.gz` are two images of the study `case`.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.images.dicom import is_dicom
from pretraining.studies.merge import image_stem
from pretraining.studies.readers.image_index import image_files, index_images
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject

_CHANNEL = re.compile(r"^(?P<case>.+)_\d{4}$")


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a folder of images; see `Reader`."""
    if not request.images_only:
        raise UserError("a folder of images has no reports: give --images-only, or a table with --input")
    paths = [
        path
        for path in images_below(request.input)
        if fnmatch.fnmatch(path.relative_to(request.input).as_posix(), request.pattern)
    ]
    if not paths:
        raise UserError(f"no image below {request.input} matches --pattern '{request.pattern}'")
    masks = index_images(request.mask_root) if request.mask_root else {}
    cases: dict[str, list[Path]] = {}
    for path in paths:
        cases.setdefault(_case(path, request.input), []).append(path)
    for case, images in cases.items():
        found = tuple(
            masks.get(image.name) or masks.get(image_stem(image)) or masks.get(Path(case).name) for image in images
        )
        if masks and not all(found):
            yield Reject(case, "", f"no mask of its name below {request.mask_root}: taken without")
        yield Record(
            id=case,
            images=tuple(images),
            masks=found if any(found) else (),
            source=images[0].relative_to(request.input).as_posix(),
        )


def images_below(root: Path) -> list[Path]:
    """Image files, and in place of DICOM objects the folders that they are in."""
    files = [path for path in image_files(root) if not is_dicom(path)]
    return sorted({*files, *dicom_folders(root)})


def dicom_folders(root: Path) -> list[Path]:
    """All folders, `root` included, that hold DICOM objects."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    return [folder for folder in sorted(folders) if any(path.is_file() and is_dicom(path) for path in folder.iterdir())]


def _case(path: Path, root: Path) -> str:
    """The study of an image: its path below `root` without suffix and channel number, `/` as `__`."""
    relative = path.relative_to(root)
    name = path.name if path.is_dir() else image_stem(path)
    channel = _CHANNEL.match(name)
    return "__".join([*relative.parts[:-1], channel["case"] if channel else name])
