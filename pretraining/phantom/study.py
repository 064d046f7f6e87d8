"""One synthetic study: a patient, an acquisition, the image, its masks and its report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pretraining.phantom.acquisition import Protocol, Scan, draw_scan
from pretraining.phantom.appearance import Look, draw_values, expose
from pretraining.phantom.lesions import Lesion, base
from pretraining.phantom.organs import LABELS
from pretraining.phantom.patient import Habits, Patient
from pretraining.phantom.render import Painting, paint

# What counts as visible: this many voxels, and this much in the plane, mm^2.
_MIN_VOXELS = 4
_MIN_AREA = 60.0


@dataclass(frozen=True, kw_only=True)
class Population:
    """How patients, acquisitions and images of one data set are drawn."""

    habits: Habits
    protocol: Protocol
    look: Look


@dataclass(frozen=True)
class Study:
    """An image with everything that is known about it.

    Attributes:
        image: int16 `(Z, Y, X)`, HU or MR units; Z is 1 for a slice. painting: its tissues, organs and lesions.
    """

    patient: Patient
    scan: Scan
    image: NDArray[np.int16]
    painting: Painting

    @property
    def visible_organs(self) -> tuple[str, ...]:
        """Organs of which more than a sliver is in the image."""
        counts = np.bincount(self.painting.organs.ravel(), minlength=len(LABELS) + 1)
        pixel = self.scan.grid.spacing[1] * self.scan.grid.spacing[2]
        least = max(_MIN_VOXELS, _MIN_AREA / pixel)
        return tuple(organ for organ, value in LABELS.items() if counts[value] >= least)

    @property
    def visible_lesions(self) -> tuple[Lesion, ...]:
        """Lesions of which at least two voxels are in the image."""
        counts = np.bincount(self.painting.lesions.ravel(), minlength=len(self.patient.lesions) + 1)
        return tuple(lesion for index, lesion in enumerate(self.patient.lesions, start=1) if counts[index] >= 2)

    def lesion_mask(self, values: Mapping[str, int]) -> NDArray[np.uint8]:
        """The lesions' and effusions' values, by their tags or else their kinds, 0 where there is none, `(Z, Y, X)`."""
        names = [lesion.tag or lesion.kind for lesion in self.patient.lesions]
        names += [base(effusion) for effusion in self.patient.effusions]
        table = np.array([0, *(values.get(name, 0) for name in names)], np.uint8)
        found: NDArray[np.uint8] = table[self.painting.lesions]
        return found

    @property
    def visible_effusions(self) -> tuple[str, ...]:
        """Free fluid that is in the image."""
        first = 1 + len(self.patient.lesions)
        counts = np.bincount(self.painting.lesions.ravel(), minlength=first + len(self.patient.effusions))
        return tuple(
            kind for index, kind in enumerate(self.patient.effusions, start=first) if counts[index] >= _MIN_VOXELS
        )


def draw_study(patient: Patient, study_seed: np.random.SeedSequence, population: Population) -> Study:
    """One study of a patient. The same seeds give the same study, whatever else is drawn."""
    rng = np.random.default_rng(study_seed)
    scan = draw_scan(rng, population.protocol, patient)
    values = draw_values(rng, scan, population.look)
    painting = paint(patient, scan.grid, values, magnetic=scan.modality == "MR")
    return Study(patient, scan, expose(painting, scan, population.look, rng), painting)
