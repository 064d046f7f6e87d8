"""Paints a patient on a grid: mean signal, tissue, organ and lesion of every voxel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pretraining.phantom.anatomy.trunk import fat_thickness, wall_distance
from pretraining.phantom.grid import Grid
from pretraining.phantom.organs import LABELS
from pretraining.phantom.patient import Patient
from pretraining.phantom.shapes import Points
from pretraining.phantom.tissues import TISSUES
from pretraining.phantom.traits import Part

Array = NDArray[np.float32]

BEND = 5.0
"""Amplitude of the smooth deformation of each body, mm."""
_BEND_LENGTH = 420.0
_SKIN = 2.5
_TISSUE_INDEX = {name: index for index, name in enumerate(TISSUES)}


@dataclass(frozen=True)
class Painting:
    """A rendered body; all arrays `(Z, Y, X)`.

    Attributes:
        signal: float32, the tissues' mean intensity with soft edges. tissue: uint8, index into `TISSUES`.
        organs: uint8, label values of `LABELS`; a lesion counts as its host. lesions: uint8, 1 + the index of the
            lesion in
            `Patient.lesions`, then one value for each of `Patient.effusions`.
    """

    signal: Array
    tissue: NDArray[np.uint8]
    organs: NDArray[np.uint8]
    lesions: NDArray[np.uint8]


def body_points(patient: Patient, grid: Grid) -> tuple[Points, Array]:
    """The grid's positions in the body's own frame, scaled and bent, and the heights of its planes `(Z,)`, mm."""
    z, y, x = (grid.axis(i) / np.float32(patient.scale[i]) for i in range(3))
    rate = np.float32(2 * np.pi / _BEND_LENGTH)
    phase = patient.bend.astype(np.float32)

    def wave(axis: Array, which: int, order: int) -> Array:
        return np.float32(BEND) * np.sin(rate * axis + phase[which, order])

    bent_x = x[None, None, :] + wave(y, 0, 0)[None, :, None] + wave(z, 0, 1)[:, None, None]
    bent_y = y[None, :, None] + wave(x, 1, 0)[None, None, :] + wave(z, 1, 1)[:, None, None]
    bent_z = z[:, None, None] + wave(x, 2, 0)[None, None, :] + wave(y, 2, 1)[None, :, None]
    return Points(bent_x, bent_y, bent_z, wall_distance(bent_x, bent_y, z)), z


def paint(patient: Patient, grid: Grid, values: Mapping[str, float], *, magnetic: bool) -> Painting:
    """Paint all parts of a patient, later ones over earlier ones.

    Args:
        patient: whom.
        grid: where.
        values: mean intensity of each tissue of `TISSUES`, HU or MR signal.
        magnetic: whether the values are MR signals; chooses the change of organs of abnormal density.
    """
    points, heights = body_points(patient, grid)
    canvas = _Canvas(grid, values)
    skin = points.depth - fat_thickness(heights, patient.traits.fat)
    everywhere = (slice(None),) * 3
    canvas.lay(everywhere, skin, "skin", 0.0)
    canvas.lay(everywhere, skin + np.float32(_SKIN), "fat", 0.0)
    spots = {id(lesion.part): index for index, lesion in enumerate(patient.lesions, start=1)}
    fluids = {kind: index for index, kind in enumerate(patient.effusions, start=1 + len(patient.lesions))}
    scale = np.asarray(patient.scale, np.float32)[::-1]
    margin = 2 * BEND + canvas.edge
    low, high = patient.bounds
    for part, box in zip(patient.parts, grid.boxes((low - margin) * scale, (high + margin) * scale), strict=True):
        if box is None:
            continue
        distance = part.shape.distance(Points(*(p[box] for p in points)))
        inside = canvas.lay(box, distance, part.tissue, _shade(patient, part, magnetic))
        canvas.organs[box][inside] = LABELS[part.organ] if part.organ else 0
        canvas.lesions[box][inside] = spots.get(id(part), fluids.get(part.lesion or "", 0))
    return Painting(canvas.signal, canvas.tissue, canvas.organs, canvas.lesions)


def _shade(patient: Patient, part: Part, magnetic: bool) -> float:
    """How much an organ's parenchyma differs from its tissue's mean in this patient."""
    if part.organ is None or part.organ not in patient.shades or not part.parenchyma:
        return 0.0
    return patient.shades[part.organ][magnetic]


class _Canvas:
    """The arrays that parts are laid on."""

    def __init__(self, grid: Grid, values: Mapping[str, float]) -> None:
        self.values = values
        self.edge = 0.5 * (grid.spacing[1] + grid.spacing[2])
        self.signal = np.full(grid.size, values["air"], np.float32)
        self.tissue = np.full(grid.size, _TISSUE_INDEX["air"], np.uint8)
        self.organs = np.zeros(grid.size, np.uint8)
        self.lesions = np.zeros(grid.size, np.uint8)

    def lay(self, box: tuple[slice, ...], distance: Array, tissue: str, shade: float) -> NDArray[np.bool_]:
        """Paint a tissue where `distance` is negative, with an edge one voxel wide; returns the voxels half covered."""
        cover = np.clip(np.float32(0.5) - distance / np.float32(self.edge), 0, 1)
        signal = self.signal[box]
        signal += cover * (np.float32(self.values[tissue] + shade) - signal)
        inside = cover > 0.5
        self.tissue[box][inside] = _TISSUE_INDEX[tissue]
        return inside
