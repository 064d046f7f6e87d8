"""The parts of a report that place nothing in the image: history, technique, comparison."""

from __future__ import annotations

import numpy as np

from pretraining.phantom.acquisition import Scan

# Each names organs without placing them: laboratory tests, other people, quadrants, suspicions, other studies.
_COMPLAINTS: dict[str, tuple[str, ...]] = {
    "abdomen": (
        "left upper quadrant pain", "right lower quadrant pain", "elevated liver function tests",
        "abnormal renal function tests", "rule out renal stones", "history of colon cancer", "appendicitis?",
        "weight loss", "abdominal pain and nausea", "mother with pancreatic cancer", "raised liver enzymes",
    ),
    "chest": (
        "shortness of breath", "cough", "elevated heart rate", "rule out pneumonia", "chest pain",
        "family history of lung cancer",
    ),
    "pelvis": (
        "hematuria", "pelvic pain", "rule out bladder stones", "father with prostate cancer",
        "sister with ovarian cancer",
    ),
    "head": ("headache", "seizure", "altered mental status", "rule out stroke", "trauma"),
    "neck": ("neck swelling", "hoarseness", "palpable lump", "abnormal thyroid function tests", "dysphagia"),
}  # fmt: skip
_COMPARISONS = ("None.", "None available.", "Prior study of last year.", "Outside examination from two years ago.")
_CT_TECHNIQUES = (
    "Axial images were obtained {contrast}.",
    "Helical acquisition {contrast}; soft tissue and bone windows were reviewed.",
    "Thin sections were obtained {contrast} and reviewed in soft tissue and lung windows.",
)
_MR_TECHNIQUES = ("Axial {weighting} images were obtained.", "{weighting} axial sequence of the {region}.")
_CT_CONTRAST = {
    "noncontrast": "without intravenous contrast",
    "arterial": "with intravenous contrast in the arterial phase",
    "portal": "with intravenous contrast in the portal venous phase",
}
_MR_WEIGHTING = {"T1": "T1-weighted", "T1 contrast": "contrast-enhanced T1-weighted", "T2": "T2-weighted"}


def region_name(scan: Scan) -> str:
    """The regions as an examination is titled: "abdomen and pelvis"."""
    return " and ".join(scan.regions)


def title(scan: Scan) -> str:
    """`CT of the abdomen with intravenous contrast in the portal venous phase`."""
    if scan.modality == "CT":
        return f"CT of the {region_name(scan)} {_CT_CONTRAST[scan.contrast_name]}"
    return f"{_MR_WEIGHTING[scan.contrast_name]} MRI of the {region_name(scan)}"


def technique(scan: Scan, rng: np.random.Generator) -> str:
    """A sentence about the acquisition."""
    if scan.modality == "CT":
        return str(rng.choice(_CT_TECHNIQUES)).format(contrast=_CT_CONTRAST[scan.contrast_name])
    template = str(rng.choice(_MR_TECHNIQUES))
    return template.format(weighting=_MR_WEIGHTING[scan.contrast_name], region=region_name(scan))


def history(scan: Scan, age: int, sex: str, rng: np.random.Generator) -> str:
    """Age, sex and a complaint, without a full stop."""
    person = {"female": "woman", "male": "man"}[sex]
    complaint = str(rng.choice(_COMPLAINTS[scan.region]))
    return f"{age}-year-old {person}, {complaint}"


def comparison(rng: np.random.Generator) -> str:
    """What the study was compared with."""
    return str(rng.choice(_COMPARISONS))
