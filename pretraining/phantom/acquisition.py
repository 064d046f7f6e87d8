"""What is scanned and how: modality, phase, region, field of view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pretraining.phantom.grid import Grid
from pretraining.phantom.patient import Patient
from pretraining.phantom.tissues import PHASES, WEIGHTINGS

SPANS: dict[str, tuple[float, float]] = {
    "head": (500, 635),
    "neck": (388, 478),
    "chest": (125, 330),
    "abdomen": (-115, 112),
    "pelvis": (-325, -125),
}
"""Region to its lowest and highest z in the reference body, mm; a patient's scale with the body."""

_SLICE = 5.0
"""Nominal thickness of a single slice, mm."""
_CENTER_Y = {"head": -3.0, "neck": 5.0, "chest": 5.0, "abdomen": 2.0, "pelvis": 12.0}
_REACH = {"head": 0.6, "neck": 0.62}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How studies of one population are acquired.

    Attributes:
        size: voxels along each axis, (y, x) or (z, y, x). spacing: mm, likewise; that of the trunk, head and neck are
            scanned finer.
        modalities: drawn from for each study. regions: likewise, uniformly; may repeat.
        zoom: range of a factor of the in-plane spacing. shift: standard deviation of the in-plane position, mm.
        partial: chance of a small field of view, off the middle of the body.
        contrasts: chance of each of `PHASES` (CT) and `WEIGHTINGS` (MR). spans: lowest and highest z of each region,
            mm. key_slices: chance that a slice is one that a reader would keep: at a lesion, where the region has one.
        follows_body: whether a region lies where it does in this body, rather than in the reference body.
    """

    size: tuple[int, ...]
    spacing: tuple[float, ...]
    modalities: tuple[str, ...] = ("CT", "MR")
    regions: tuple[str, ...] = ("abdomen", "chest", "head", "neck", "pelvis")
    zoom: tuple[float, float] = (0.9, 1.15)
    shift: float = 8.0
    partial: float = 0.1
    contrasts: tuple[float, float, float] = (0.3, 0.2, 0.5)
    spans: Mapping[str, tuple[float, float]] = field(default_factory=lambda: SPANS)
    key_slices: float = 0.25
    follows_body: bool = True


@dataclass(frozen=True)
class Scan:
    """One acquisition.

    Attributes:
        modality: "CT" or "MR". contrast: index into `PHASES` or `WEIGHTINGS`. grid: where. region: the region asked
            for.
        regions: the regions that the grid covers at least half of, in 3D; the one asked for, in 2D.
    """

    modality: str
    contrast: int
    grid: Grid
    region: str
    regions: tuple[str, ...]

    @property
    def contrast_name(self) -> str:
        """As a protocol names it: portal, T2."""
        return (PHASES if self.modality == "CT" else WEIGHTINGS)[self.contrast]


def draw_scan(rng: np.random.Generator, protocol: Protocol, patient: Patient) -> Scan:
    """A random acquisition of a patient by the protocol."""
    scale = patient.scale if protocol.follows_body else (1.0, 1.0, 1.0)
    modality = str(rng.choice(protocol.modalities))
    contrast = int(rng.choice(3, p=protocol.contrasts))
    region = str(rng.choice(protocol.regions))
    low, high = (edge * scale[0] for edge in protocol.spans[region])
    factor = float(rng.uniform(*protocol.zoom)) * _REACH.get(region, 1.0)
    shift = rng.normal(0, protocol.shift, 2) * _REACH.get(region, 1.0)
    if rng.uniform() < protocol.partial:
        factor *= float(rng.uniform(0.55, 0.8))
        shift = shift + rng.uniform((-45, -100), (45, 100)) * _REACH.get(region, 1.0)
    in_plane = (protocol.spacing[-2] * factor, protocol.spacing[-1] * factor)
    middle = (_CENTER_Y[region] * scale[1] + float(shift[0]), float(shift[1]))
    if len(protocol.size) == 2:
        z = _slice_height(rng, protocol, patient, low, high)
        grid = Grid(size=(1, protocol.size[0], protocol.size[1]), spacing=(_SLICE, *in_plane), center=(z, *middle))
        return Scan(modality, contrast, grid, region, (region,))
    depth = protocol.spacing[0] * factor
    length = depth * protocol.size[0]
    z = float((low + high) / 2 + rng.uniform(-1, 1) * (0.12 * (high - low) + 0.05 * length))
    rows, columns = protocol.size[1:]
    grid = Grid(size=(protocol.size[0], rows, columns), spacing=(depth, *in_plane), center=(z, *middle))
    bottom, top = z - length / 2, z + length / 2
    covered = tuple(
        name
        for name, (a, b) in SPANS.items()
        if name == region or _overlap(a * scale[0], b * scale[0], bottom, top) > 0.5
    )
    return Scan(modality, contrast, grid, region, covered)


def _overlap(low: float, high: float, bottom: float, top: float) -> float:
    """The share of `low` to `high` that lies between `bottom` and `top`."""
    return (min(high, top) - max(low, bottom)) / (high - low)


def _slice_height(rng: np.random.Generator, protocol: Protocol, patient: Patient, low: float, high: float) -> float:
    """Where a single slice lies, between `low` and `high`, mm."""
    anywhere = float(rng.uniform(low, high))
    if not protocol.key_slices or rng.uniform() >= protocol.key_slices:
        return anywhere
    heights = [height for height in patient.lesion_heights if low <= height <= high]
    return float(rng.choice(heights)) if heights else anywhere
