from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

WriteDicom = Callable[..., Path]

_LONG = ("OB", "OW", "UT")
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def _element(group: int, element: int, kind: str, value: bytes) -> bytes:
    value += (b"\0" if kind in ("UI", "OB") else b" ") * (len(value) % 2)
    head = struct.pack("<HH", group, element) + kind.encode()
    return head + (struct.pack("<HI", 0, len(value)) if kind in _LONG else struct.pack("<H", len(value))) + value


def _dicom_bytes(pixels: np.ndarray, **fields: Any) -> bytes:
    """An object in explicit little endian: `(Y, X)`, `(frames, Y, X)` or, for colour, `(Y, X, 3)`."""
    colour = fields.pop("colour", False)
    frames = 1 if pixels.ndim == 2 or colour else len(pixels)
    rows, columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    texts = {
        (0x0008, 0x0008, "CS"): fields.get("image_type", "ORIGINAL\\PRIMARY\\AXIAL"),
        (0x0008, 0x0016, "UI"): fields.get("sop_class", CT_STORAGE),
        (0x0008, 0x0018, "UI"): fields.get("uid", "1.2.3.4.5"),
        (0x0008, 0x0050, "SH"): fields.get("accession", "ACC1"),
        (0x0008, 0x0060, "CS"): fields.get("modality", "CT"),
        (0x0010, 0x0020, "LO"): fields.get("patient", "P1"),
        (0x0018, 0x0015, "CS"): fields.get("body_part", ""),
        (0x0018, 0x0050, "DS"): fields.get("thickness", "2"),
        (0x0020, 0x000D, "UI"): fields.get("study", "1.2.3"),
        (0x0020, 0x000E, "UI"): fields.get("series", "1.2.3.4"),
        (0x0020, 0x0013, "IS"): fields.get("number", "1"),
        (0x0020, 0x0032, "DS"): fields.get("position", ""),
        (0x0020, 0x0037, "DS"): fields.get("orientation", "1\\0\\0\\0\\1\\0"),
        (0x0028, 0x0004, "CS"): fields.get("photometric", "RGB" if colour else "MONOCHROME2"),
        (0x0028, 0x0008, "IS"): str(frames),
        (0x0028, 0x0030, "DS"): fields.get("spacing", "0.8\\0.7"),
        (0x0028, 0x1052, "DS"): fields.get("intercept", "0"),
        (0x0028, 0x1053, "DS"): fields.get("slope", "1"),
    }
    numbers = {
        (0x0028, 0x0002): 3 if colour else 1,
        (0x0028, 0x0010): rows,
        (0x0028, 0x0011): columns,
        (0x0028, 0x0100): bits,
        (0x0028, 0x0101): bits,
        (0x0028, 0x0102): bits - 1,
        (0x0028, 0x0103): int(pixels.dtype.kind == "i"),
    }
    elements = {(g, e): _element(g, e, kind, text.encode()) for (g, e, kind), text in texts.items() if text}
    elements |= {(g, e): _element(g, e, "US", struct.pack("<H", number)) for (g, e), number in numbers.items()}
    if colour:
        elements[(0x0028, 0x0006)] = _element(0x0028, 0x0006, "US", struct.pack("<H", 0))
    if fields.get("has_pixels", True):
        elements[(0x7FE0, 0x0010)] = _element(0x7FE0, 0x0010, "OW" if bits == 16 else "OB", pixels.tobytes())
    meta = _element(2, 1, "OB", b"\0\1") + _element(2, 2, "UI", fields.get("sop_class", CT_STORAGE).encode())
    meta += _element(2, 3, "UI", b"1.2.3.4.5") + _element(2, 0x10, "UI", b"1.2.840.10008.1.2.1")
    meta = _element(2, 0, "UL", struct.pack("<I", len(meta))) + meta
    return b"\0" * 128 + b"DICM" + meta + b"".join(elements[key] for key in sorted(elements))


@pytest.fixture(scope="session")
def write_dicom() -> WriteDicom:
    """Writes one DICOM object: `write_dicom(path, pixels, position="0\\0\\5", ...)`."""

    def write(path: Path, pixels: np.ndarray, **fields: Any) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_dicom_bytes(pixels, **fields))
        return path

    return write


@pytest.fixture(scope="session")
def write_series(write_dicom: WriteDicom) -> WriteDicom:
    """Writes a series of axial slices into a folder; slice k has the value k everywhere but for its gradient."""

    def write(folder: Path, heights: list[float], **fields: Any) -> Path:
        for number, height in enumerate(heights, start=1):
            pixels = np.arange(12 * 16, dtype=np.int16).reshape(12, 16) + int(10 * height)
            options = {"position": f"-5\\-6\\{height}", "number": str(number), "uid": f"1.2.3.{number}"} | fields
            write_dicom(folder / f"{number:03}.dcm", pixels, **options)
        return folder

    return write


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a grey 8-bit picture with an own pattern for every seed."""

    def write(name: str = "a.png", seed: int = 0, size: tuple[int, int] = (24, 32)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def nifti(tmp_path: Path) -> Callable[..., Path]:
    """Writes an array `(Z, Y, X)` as NIfTI."""

    def write(name: str, array: np.ndarray, spacing: tuple[float, ...] = (1.0, 1.0, 2.0), **keywords: Any) -> Path:
        image = sitk.GetImageFromArray(array, **keywords)
        image.SetSpacing(spacing[: image.GetDimension()])
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(path))
        return path

    return write
