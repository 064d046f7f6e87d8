"""Lesions: which kinds grow where, how large, and what a report calls the spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pretraining.phantom.compound import Intersection, Lumpy
from pretraining.phantom.shapes import Ellipsoid, rotation
from pretraining.phantom.traits import Part

KINDS = ("cyst", "mass", "hypervascular", "nodule", "calcification", "hemorrhage", "ascites", "pleural_effusion")
"""All kinds, in the order of the values of the lesion masks."""

# Organ (or base of a pair) to the kinds that grow in it with their weights, and the range of radii, mm.
_GROWTH: dict[str, tuple[dict[str, float], tuple[float, float]]] = {
    "liver": ({"cyst": 3, "mass": 3, "hypervascular": 2, "calcification": 1}, (5, 28)),
    "kidney": ({"cyst": 4, "mass": 1.5, "hypervascular": 1, "calcification": 2}, (3, 20)),
    "spleen": ({"cyst": 2, "mass": 1, "calcification": 1}, (4, 16)),
    "pancreas": ({"mass": 2, "cyst": 1.5}, (5, 16)),
    "gallbladder": ({"calcification": 1}, (3, 8)),
    "adrenal_gland": ({"nodule": 1}, (5, 14)),
    "stomach": ({"mass": 1}, (10, 20)),
    "lung": ({"nodule": 3, "mass": 2, "calcification": 1}, (4, 26)),
    "thyroid_gland": ({"nodule": 3, "cyst": 1, "calcification": 1}, (3, 12)),
    "brain": ({"mass": 2, "hemorrhage": 2, "cyst": 0.5}, (5, 24)),
    "cerebellum": ({"mass": 1, "hemorrhage": 1}, (4, 14)),
    "parotid_gland": ({"nodule": 1}, (4, 10)),
    "urinary_bladder": ({"mass": 1, "calcification": 1}, (5, 14)),
    "uterus": ({"mass": 3, "calcification": 1}, (6, 20)),
    "prostate": ({"nodule": 1, "calcification": 1}, (4, 9)),
}
_SMALL = {"calcification": 0.55}

TAGS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "liver_tumor": (("liver",), ("mass", "hypervascular")),
    "kidney_cyst": (("kidney",), ("cyst",)),
    "kidney_tumor": (("kidney",), ("mass", "hypervascular")),
    "pancreas_tumor": (("pancreas",), ("mass",)),
    "lung_nodule": (("lung",), ("nodule", "mass")),
    "brain_tumor": (("brain", "cerebellum"), ("mass",)),
    "intracerebral_hemorrhage": (("brain", "cerebellum"), ("hemorrhage",)),
}
"""Tag id of a lesion to the organs and kinds that it covers."""
LESION_VALUES: dict[str, int] = {name: value for value, name in enumerate((*TAGS, *KINDS), start=1)}
"""What lesion masks tell apart to its value there: a lesion's tag where it has one, else its kind."""


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        organ: tag id of its host. kind: one of `KINDS`. radius: mm. place: words for the spot ("upper pole"), maybe
            empty.
        part: what is painted.
    """

    organ: str
    kind: str
    radius: float
    place: str
    part: Part

    @property
    def tag(self) -> str | None:
        """Tag id, where a tag covers it."""
        return tag_of(self.organ, self.kind)

    @property
    def diameter(self) -> float:
        """Mm."""
        return 2 * self.radius


def base(organ: str) -> str:
    """`kidney` for `kidney_left`; the id itself for unpaired organs."""
    return organ.removesuffix("_left").removesuffix("_right")


def tag_of(organ: str, kind: str) -> str | None:
    """Tag id of a kind of lesion in an organ, where a tag covers it."""
    return next((tag for tag, (organs, kinds) in TAGS.items() if base(organ) in organs and kind in kinds), None)


def hosts(parts: list[Part]) -> dict[str, Part]:
    """The parts that lesions can grow in, by organ."""
    return {p.organ: p for p in parts if p.organ and p.core is not None and base(p.organ) in _GROWTH}


def grow(host: Part, rng: np.random.Generator, factor: float = 1.0) -> Lesion:
    """A lesion at a random spot of the host's core, `factor` times as large as usual."""
    if host.organ is None or host.core is None:
        raise ValueError("a lesion needs a host with an organ and a core")
    kinds, (low, high) = _GROWTH[base(host.organ)]
    low, high = factor * low, factor * high
    weights = np.array(list(kinds.values()))
    kind = str(rng.choice(list(kinds), p=weights / weights.sum()))
    largest = min(high, 0.9 * min(host.core.radii))
    radius = float(np.exp(rng.uniform(np.log(min(low, largest)), np.log(max(low, largest))))) * _SMALL.get(kind, 1.0)
    direction = rng.normal(size=3)
    inside = direction / np.linalg.norm(direction) * rng.uniform() ** (1 / 3)
    offset = inside * np.asarray(host.core.radii)
    if any(host.core.turn):
        offset = rotation(host.core.turn) @ offset
    center = tuple(float(c + o) for c, o in zip(host.core.center, offset, strict=True))
    radii = tuple(float(radius * np.exp(r)) for r in rng.normal(0, 0.12, 3))
    blob = Ellipsoid(center, radii, tuple(float(a) for a in rng.uniform(-40, 40, 3)))
    ragged = kind in ("mass", "hypervascular", "hemorrhage")
    phase = tuple(float(p) for p in rng.uniform(0, 6.28, 3))
    shape = Lumpy(blob, 0.22 * radius, 1.7 * radius, phase) if ragged else blob
    confined = base(host.organ) not in ("adrenal_gland", "pancreas", "uterus")
    part = Part(host.organ, kind, Intersection([shape, host.shape]) if confined else shape, lesion=kind)
    return Lesion(host.organ, kind, radius, _place(host.organ, inside), part)


def _place(organ: str, inside: np.ndarray) -> str:
    """Words for a spot, from its position in the unit ball (x left, y back, z up)."""
    _, back, up = inside
    match base(organ):
        case "kidney":
            return "upper pole" if up > 0.3 else "lower pole" if up < -0.3 else "interpolar region"
        case "liver":
            return "hepatic dome" if up > 0.55 else "posterior right lobe" if back > 0 else "anterior right lobe"
        case "lung":
            return "upper lobe" if up > 0 else "lower lobe"
        case "brain":
            return "frontal lobe" if back < -0.25 else "occipital lobe" if back > 0.45 else "parietal lobe"
    return ""
