"""A folder of images without reports: every image, or every DICOM folder, is a study.

nnU-Net's names are understood: the files `case_0000.nii.gz` and `case_0001.nii.gz` are two images of the study `case`.
Numbers count as channels only where they run 0, 1, ... without a gap and all such cases of a folder have equally many.
`amos_0001.nii.gz` and the following are studies of their own; so is each image of a folder's only such case when it has
more than 8, a numbered series like `IMG_0000.png` to `IMG_0099.png`.
"""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from pretraining.errors import UserError
from pretraining.studies.images.dicom import is_dicom
from pretraining.studies.merge import image_stem
from pretraining.studies.readers.image_index import image_files
from pretraining.studies.readers.request import ReadRequest
from pretraining.studies.records import Record, Reject

_CHANNEL = re.compile(r"^(?P<case>.+)_(?P<number>\d{4})$")
_MOST_CHANNELS = 8


def read(request: ReadRequest) -> Iterable[Record | Reject]:
    """Read a folder of images; see `Reader`."""
    if not request.images_only:
        raise UserError("a folder of images has no reports: give --images-only, or a table with --input")
    root = request.input
    cases: dict[Path, list[Path]] = {}
    for path, case in _cases(images_below(root), root).items():
        if fnmatch.fnmatch(path.relative_to(root).as_posix(), request.pattern):
            cases.setdefault(case, []).append(path)
    if not cases:
        raise UserError(f"no image below {root} matches --pattern '{request.pattern}'")
    masks = _Masks(request.mask_root, cases.values()) if request.mask_root else None
    for case, images in cases.items():
        name = "__".join(case.parts)
        found = [masks.find(_place(image, root), case) for image in images] if masks else []
        for reason in dict.fromkeys(mask for mask in found if isinstance(mask, str)):
            yield Reject(name, "", f"{reason}: taken without")
        files = tuple(mask if isinstance(mask, Path) else None for mask in found)
        yield Record(
            id=name,
            images=tuple(images),
            masks=files if any(files) else (),
            source=images[0].relative_to(root).as_posix(),
        )


def images_below(root: Path) -> list[Path]:
    """Image files, and in place of DICOM objects the folders that they are in."""
    files = [path for path in image_files(root) if not is_dicom(path)]
    return sorted({*files, *dicom_folders(root)})


def dicom_folders(root: Path) -> list[Path]:
    """All folders, `root` included, that hold DICOM objects."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    return [folder for folder in sorted(folders) if any(path.is_file() and is_dicom(path) for path in folder.iterdir())]


def _cases(paths: Sequence[Path], root: Path) -> dict[Path, Path]:
    """The case of each image: its place below `root`, without the channel number where it has one."""
    cases = {path: _place(path, root) for path in paths}
    numbered: dict[Path, dict[Path, list[tuple[int, Path]]]] = defaultdict(lambda: defaultdict(list))
    for path, place in cases.items():
        channel = _CHANNEL.match(place.name)
        if channel and not path.is_dir():
            numbered[place.parent][place.with_name(channel["case"])].append((int(channel["number"]), path))
    for folder in numbered.values():
        whole = {
            case: [path for _, path in files]
            for case, files in folder.items()
            if sorted(number for number, _ in files) == list(range(len(files)))
        }
        counts = {len(files) for files in whole.values()}
        if len(counts) == 1 and (len(whole) > 1 or max(counts) <= _MOST_CHANNELS):
            cases |= {path: case for case, files in whole.items() for path in files}
    return cases


def _place(path: Path, root: Path) -> Path:
    """The path below `root`, without a file's suffix."""
    name = path.name if path.is_dir() else image_stem(path)
    return path.relative_to(root).parent / name


class _Masks:
    """The masks below a folder.

    Args:
        root: the folder.
        cases: files that are images, and no masks wherever they lie.
    """

    def __init__(self, root: Path, cases: Iterable[Sequence[Path]]) -> None:
        self._root = root
        self._by_path: dict[Path, list[Path]] = defaultdict(list)
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        taken = {image.resolve() for images in cases for image in images}
        for file in image_files(root):
            if file.resolve() not in taken:
                place = _place(file, root)
                self._by_path[place].append(file)
                self._by_name[place.name].append(file)

    def find(self, image: Path, case: Path) -> Path | str:
        """The mask at the path of an image or its case, or else the only one of such a name; or why there is none."""
        by_path = (self._by_path.get(place, []) for place in (image, case))
        by_name = (self._by_name.get(name, []) for name in (image.name, case.name, "__".join(case.parts)))
        found = next(filter(None, (*by_path, *by_name)), [])
        if len(found) > 1:
            return f"{len(found)} masks of its name below {self._root}, and no single one at its path"
        return found[0] if found else f"no mask of its name below {self._root}"
