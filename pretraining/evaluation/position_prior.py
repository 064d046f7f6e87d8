"""What guessing every organ at its usual place would reach: the measure that attention maps have to beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from pretraining.image.pixel_projector import INTERPOLATION

# As fine as the finest attention maps; a mean over patients is smoother still.
LATTICE = {2: 32, 3: 16}


class PositionPrior:
    """Mean masks over other patients, in coordinates relative to the image's borders.

    A patient's own masks never count for that patient.

    Args:
        evaluated: the patients that `at` will be asked for.
    """

    def __init__(self, evaluated: Iterable[str]) -> None:
        self._all = _Sums()
        self._own = {patient: _Sums() for patient in evaluated}

    def add(self, patient: str, organs: Iterable[tuple[str, NDArray[np.bool_]]]) -> None:
        """Count the masks of one image.

        Args:
            patient: whose it is.
            organs: tags with `(*S,)`, the organs that the image shows.
        """
        lattices = {tag: _pool(mask) for tag, mask in organs}
        for sums in (self._all, self._own.get(patient)):
            if sums is not None:
                sums.add(lattices)

    def at(self, tag: str, patient: str, shape: Sequence[int]) -> NDArray[np.float32] | None:
        """Where the tag's organ lies in the others.

        Args:
            tag: which organ.
            patient: is left out.
            shape: of the image.

        Returns:
            `(*shape)`, proportional to the mean mask; None where no other patient shows the organ.
        """
        own = self._own[patient]
        if self._all.counts[tag] == own.counts[tag]:
            return None
        sums = self._all.lattices[tag] - own.lattices.get(tag, 0)
        source = torch.from_numpy(sums)[None, None].float()
        mode = INTERPOLATION[len(shape)]
        return functional.interpolate(source, size=tuple(shape), mode=mode, align_corners=False)[0, 0].numpy()


@dataclass
class _Sums:
    lattices: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, lattices: Mapping[str, NDArray[np.float64]]) -> None:
        for tag, lattice in lattices.items():
            self.lattices[tag] = self.lattices.get(tag, 0) + lattice
            self.counts[tag] += 1


def _pool(mask: NDArray[Any]) -> NDArray[np.float64]:
    pool = functional.adaptive_avg_pool2d if mask.ndim == 2 else functional.adaptive_avg_pool3d
    return pool(torch.from_numpy(mask).float()[None, None], LATTICE[mask.ndim])[0, 0].double().numpy()
