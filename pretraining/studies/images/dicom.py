"""DICOM: single objects, multi-frame objects, and folders of series that become volumes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pretraining.studies.images.image import SourceImage, UnusableImageError
from pretraining.studies.images.slices import stack_slices
from pretraining.studies.images.volume import itk_reason
from pretraining.studies.modalities import modality_code
from pretraining.studies.regions import region_ids

SUFFIXES = (".dcm", ".dicom", ".ima")

_TAGS = {
    "image_type": "0008|0008",
    "modality": "0008|0060",
    "accession": "0008|0050",
    "body_part": "0018|0015",
    "patient": "0010|0020",
    "study": "0020|000d",
    "series": "0020|000e",
    "number": "0020|0013",
    "position": "0020|0032",
    "orientation": "0020|0037",
    "pixel_spacing": "0028|0030",
    "detector_spacing": "0018|1164",
}
# What anonymization puts in place of every patient's id, which would make one patient of them all.
_NO_PATIENT = ("", "anon", "anonymous", "anonymized", "anonymised", "unknown", "none", "no_id", "noid", "removed")
# Modalities whose objects are slices: one without a position is a screen capture or a dose sheet.
_SLICED = ("CT", "MR", "PT", "NM")


@dataclass(frozen=True)
class DicomHeader:
    """What is read of one DICOM object before its pixels; texts are empty where the object says nothing.

    Attributes:
        spacing: mm from row to row and from column to column, of the pixels or else of the detector.
    """

    path: Path
    size: tuple[int, ...]
    image_type: str
    modality: str
    accession: str
    body_part: str
    patient: str
    study: str
    series: str
    number: str
    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]


def is_dicom(path: Path) -> bool:
    """True when the file bears DICOM's mark, or its suffix; never for a DICOMDIR, which lists objects."""
    if path.name.upper() == "DICOMDIR":
        return False
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def read_header(path: Path) -> DicomHeader:
    """Read the header of one object.

    Raises:
        UnusableImageError: no image, or a file that cannot be read.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise UnusableImageError(f"not a DICOM image that can be read ({itk_reason(error)})") from error
    texts = {
        name: reader.GetMetaData(tag).strip("\0 ") if reader.HasMetaDataKey(tag) else "" for name, tag in _TAGS.items()
    }
    if texts["patient"].lower().strip("0") in _NO_PATIENT:
        texts["patient"] = ""
    position, orientation = _numbers(texts.pop("position"), 3), _numbers(texts.pop("orientation"), 6)
    spacing, detector = _numbers(texts.pop("pixel_spacing"), 2), _numbers(texts.pop("detector_spacing"), 2)
    return DicomHeader(
        path=path,
        size=tuple(reader.GetSize()),
        position=position,
        orientation=orientation,
        spacing=next((numbers for numbers in (spacing, detector) if numbers and min(numbers) > 0), ()),
        **texts,
    )


def read(path: Path) -> SourceImage:
    """Read one object: a picture, or a volume when it has several frames.

    Raises:
        UnusableImageError: as `read_header`, or the pixels are truncated or corrupt.
    """
    return _single(read_header(path))


def read_folder(folder: Path) -> list[SourceImage]:
    """Read all series in a folder (not in its subfolders): slices become volumes, other objects one image each.

    What does not belong (objects without pixels, localizers, strays of another size or orientation in a series, second
    objects at one position) is named in `left_out`.

    Raises:
        UnusableImageError: nothing in the folder is a usable image.
    """
    headers, left_out = _headers(folder)
    groups: dict[tuple[object, ...], list[DicomHeader]] = defaultdict(list)
    for header in headers:
        groups[(header.series, header.size, _rounded(header.orientation), bool(header.position))].append(header)
    images: list[SourceImage] = []
    for chosen, strays in _split_strays(groups):
        left_out += [
            (header.path.name, "a stray object: another size or orientation than the rest of its series")
            for header in strays
        ]
        try:
            images += _images(chosen)
        except UnusableImageError as error:
            left_out.append((f"{folder.name} series {chosen[0].series}", str(error)))
    if not images:
        reasons = "; ".join(dict.fromkeys(reason for _, reason in left_out)) or "no DICOM object in it"
        raise UnusableImageError(f"no usable series in the folder: {reasons}")
    return [replace(images[0], left_out=images[0].left_out + tuple(left_out)), *images[1:]]


def _headers(folder: Path) -> tuple[list[DicomHeader], list[tuple[str, str]]]:
    """All image headers of a folder but those that no study needs, and the names and reasons of the rest."""
    headers: list[DicomHeader] = []
    left_out: list[tuple[str, str]] = []
    for path in sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path)):
        try:
            headers.append(read_header(path))
        except UnusableImageError as error:
            left_out.append((path.name, str(error)))
    usual_study = Counter(header.study for header in headers).most_common(1)[0][0] if headers else ""
    has_slices = any(header.position and header.modality in _SLICED for header in headers)
    for header in list(headers):
        if header.study != usual_study:
            left_out.append((header.path.name, "an object of another study than the rest of the folder"))
        elif "LOCALIZER" in header.image_type:
            left_out.append((header.path.name, "a localizer"))
        elif (
            has_slices
            and header.modality in _SLICED
            and not header.position
            and len(header.size) == 3
            and header.size[2] == 1
        ):
            left_out.append((header.path.name, "an object without a position among slices (a screen capture)"))
        else:
            continue
        headers.remove(header)
    return headers, left_out


def _split_strays(
    groups: dict[tuple[object, ...], list[DicomHeader]],
) -> list[tuple[list[DicomHeader], list[DicomHeader]]]:
    """Per series, the largest group of alike slices and the strays; objects that are no slices all stay."""
    by_series: dict[object, list[list[DicomHeader]]] = defaultdict(list)
    for key, headers in groups.items():
        by_series[key[0]].append(headers)
    result: list[tuple[list[DicomHeader], list[DicomHeader]]] = []
    for alike in by_series.values():
        largest = max(alike, key=len)
        if len(largest) > 1 and _is_slice(largest[0]):
            result.append((largest, [header for headers in alike if headers is not largest for header in headers]))
        else:
            result += [(headers, []) for headers in alike]
    return result


def _is_slice(header: DicomHeader) -> bool:
    """True for one slice of a volume: an object of several frames is a volume of its own."""
    return bool(header.position) and header.modality in _SLICED and header.size[2:] in ((), (1,))


def _images(headers: Sequence[DicomHeader]) -> list[SourceImage]:
    first = headers[0]
    if len(headers) == 1 or not _is_slice(first):
        return [_single(header) for header in headers]
    ordered = sorted(
        headers, key=lambda header: (int(header.number) if header.number.isdigit() else 0, header.path.name)
    )
    slices = [_pixels(header) for header in ordered]
    stack = stack_slices(
        [sitk.GetArrayFromImage(pixels)[0] for pixels in slices],
        positions=np.array([header.position for header in ordered]),
        orientation=np.array(first.orientation),
        spacing=slices[0].GetSpacing()[:2],
    )
    doubles = tuple((ordered[index].path.name, "a second object at the same position") for index in stack.doubles)
    return [_described(stack.image, first, stack.flags, doubles)]


def _single(header: DicomHeader) -> SourceImage:
    pixels = _pixels(header)
    if pixels.GetDimension() == 3 and pixels.GetSize()[2] == 1:
        # A radiograph or a lone slice is shown as it is stored.
        pixels = pixels[:, :, 0]
    return _described(pixels, header, (), ())


def _described(
    pixels: sitk.Image, header: DicomHeader, flags: tuple[str, ...], left_out: tuple[tuple[str, str], ...]
) -> SourceImage:
    return SourceImage(
        pixels,
        modality=modality_code(header.modality),
        regions=region_ids(header.body_part),
        patient=header.patient,
        # Enhanced objects keep it where only GDCM looks; what it does not find either, it takes for 1.
        has_spacing=bool(header.spacing) or pixels.GetSpacing()[:2] != (1.0, 1.0),
        flags=flags,
        left_out=left_out,
    )


def _pixels(header: DicomHeader) -> sitk.Image:
    """Pixels after slope and intercept, in one grey channel. GDCM inverts MONOCHROME1 itself: bone is bright."""
    try:
        pixels = sitk.ReadImage(str(header.path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        raise UnusableImageError(f"the pixels of {header.path.name} cannot be read ({itk_reason(error)})") from error
    if header.spacing and pixels.GetSpacing()[:2] == (1.0, 1.0):
        # Of a radiograph, GDCM looks for the detector's spacing alone.
        pixels.SetSpacing([*header.spacing[::-1], *pixels.GetSpacing()[2:]])
    if pixels.GetNumberOfComponentsPerPixel() in (3, 4):
        array = sitk.GetArrayFromImage(pixels)[..., :3] @ np.array([0.299, 0.587, 0.114])
        grey = sitk.GetImageFromArray(np.rint(array).astype(np.uint8))
        grey.CopyInformation(pixels)
        return grey
    return pixels


def _numbers(text: str, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError:
        return ()
    return numbers if len(numbers) == count else ()


def _rounded(numbers: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(number, 2) + 0.0 for number in numbers)
