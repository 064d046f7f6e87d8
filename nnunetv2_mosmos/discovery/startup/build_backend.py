"""Builds the packages with setuptools and puts the start-up files into every wheel, beside the packages.

Python reads `.pth` and `.start` files in site-packages itself, where setuptools places no file of an editable install
but its own. Both kinds of wheel are zip files with a list of their contents (PEP 427, PEP 660), so adding to them needs
nothing of setuptools' inner workings.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

STARTUP_FILES = ("zz_nnunetv2_mosmos.pth", "zz_nnunetv2_mosmos.py", "zz_nnunetv2_mosmos.start")


def build_wheel(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """PEP 517: build a regular wheel, return its file name."""
    name = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    add_startup_files(Path(wheel_directory, name))
    return name


def build_editable(
    wheel_directory: str, config_settings: dict[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """PEP 660: build a wheel that points at this checkout, return its file name."""
    name = build_meta.build_editable(wheel_directory, config_settings, metadata_directory)
    add_startup_files(Path(wheel_directory, name))
    return name


def add_startup_files(wheel: Path) -> None:
    """Rewrite a wheel with the start-up files at its top level, listed in its RECORD."""
    unfinished = wheel.with_suffix(".unfinished")
    additions = {name: Path(__file__).with_name(name).read_bytes() for name in STARTUP_FILES}
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as new:
        (record,) = (entry for entry in old.infolist() if entry.filename.endswith(".dist-info/RECORD"))
        for entry in old.infolist():
            if entry is not record:
                new.writestr(entry, old.read(entry))
        for name, content in additions.items():
            new.writestr(_entry_like(record, name), content)
        new.writestr(_entry_like(record, record.filename), old.read(record) + _record_lines(additions))
    os.replace(unfinished, wheel)


def _entry_like(other: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    # The date and permissions that setuptools gave: equal sources keep giving equal wheels.
    entry = zipfile.ZipInfo(name, other.date_time)
    entry.external_attr = other.external_attr
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _record_lines(files: dict[str, bytes]) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow([name, f"sha256={digest}", len(content)])
    return lines.getvalue().encode()
