"""DICOM's modality codes, from the many ways in which people write them."""

from __future__ import annotations

import re

UNKNOWN = "unknown"

_CODES = {
    "CT": ("ct", "cta", "cect", "ncct", "computed tomography", "ct scan"),
    "MR": ("mr", "mri", "mra", "fmri", "magnetic resonance", "magnetic resonance imaging"),
    "XR": (
        "xr",
        "cr",
        "dx",
        "dr",
        "rg",
        "rf",
        "px",
        "io",
        "x ray",
        "xray",
        "x rays",
        "cxr",
        "radiograph",
        "radiography",
        "plain film",
    ),
    "US": ("us", "ultrasound", "sonography", "ultrasonography", "echo", "echocardiography"),
    "MG": ("mg", "mammography", "mammogram"),
    "PT": ("pt", "pet", "pet ct"),
    "NM": ("nm", "nuclear medicine", "spect", "scintigraphy"),
    "XA": ("xa", "angiography", "angiogram", "dsa"),
}
CODES = frozenset(_CODES)
_BY_NAME = {name: code for code, names in _CODES.items() for name in names}


def modality_code(text: str) -> str:
    """The code for a written modality: `X-ray` -> `XR`. What is not known comes back in capitals, empty as empty."""
    words = " ".join(re.findall(r"[a-z]+", text.lower()))
    return _BY_NAME.get(words, text.strip().upper())
