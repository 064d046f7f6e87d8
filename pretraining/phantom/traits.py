"""How one patient differs from the next: habitus, organ size and place, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pretraining.phantom.compound import Lumpy
from pretraining.phantom.shapes import Ellipsoid, Shape, Vector


class Trait(NamedTuple):
    """An organ's own variation.

    Attributes:
        offset: mm along x, y, z. size: factor of all lengths. proportion: factor of each axis on top. phase: of its
            surface waves.
    """

    offset: tuple[float, ...]
    size: float
    proportion: tuple[float, ...]
    phase: tuple[float, ...]


@dataclass(frozen=True)
class Part:
    """One thing to paint.

    Attributes:
        organ: tag id that its voxels are labelled with; None for tissue that no tag names.
        tissue: key of `TISSUES`.
        shape: where.
        lesion: kind of lesion, for parts that are one.
        core: an ellipsoid well inside the organ, where lesions may grow.
        parenchyma: whether changes of the organ's density show here.
    """

    organ: str | None
    tissue: str
    shape: Shape
    lesion: str | None = None
    core: Ellipsoid | None = None
    parenchyma: bool = False


@dataclass
class Traits:
    """A patient's variation, drawn organ by organ in the order of asking, so that one seed gives one patient.

    Attributes:
        rng: the patient's own generator.
        sex: "female" or "male".
        fat: thickness of the subcutaneous fat, mm.
        removed: organ id to the words for its absence; such organs are not built.
        sizes: organ id to a size factor that overrides the drawn one (an enlarged spleen, an atrophic kidney).
        build: organ id to a factor of its size that the whole population shares.
        spread: scale of all variation; 0 gives the same body every time.
    """

    rng: np.random.Generator
    sex: str
    fat: float
    removed: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    build: Mapping[str, float] = field(default_factory=dict)
    spread: float = 1.0
    _drawn: dict[str, Trait] = field(default_factory=dict)

    def __getitem__(self, organ: str) -> Trait:
        if organ not in self._drawn:
            offset = self.rng.normal(0, 4.0 * self.spread, 3).clip(-9, 9)
            size = self.sizes.get(organ, float(np.exp(self.rng.normal(0, 0.06 * self.spread))))
            size *= self.build.get(organ, 1.0)
            proportion = np.exp(self.rng.normal(0, 0.06 * self.spread, 3).clip(-0.15, 0.15))
            phase = self.rng.uniform(0, 2 * np.pi, 3)
            self._drawn[organ] = Trait(tuple(offset), size, tuple(proportion), tuple(phase))
        return self._drawn[organ]

    def has(self, organ: str) -> bool:
        """Whether the patient has the organ."""
        return organ not in self.removed

    def at(self, organ: str, center: Vector) -> tuple[float, ...]:
        """`center` moved with the organ, mm."""
        return tuple(float(c + o) for c, o in zip(center, self[organ].offset, strict=True))

    def path(self, organ: str, points: Sequence[Vector]) -> list[tuple[float, ...]]:
        """A polyline moved with the organ, mm."""
        return [self.at(organ, point) for point in points]

    def ellipsoid(
        self, organ: str, center: Vector, radii: Vector, turn: Vector = (0.0, 0.0, 0.0), power: float = 2.0
    ) -> Ellipsoid:
        """A superellipsoid moved and scaled with the organ; arguments as of `Ellipsoid`."""
        trait = self[organ]
        scaled = tuple(float(r * trait.size * p) for r, p in zip(radii, trait.proportion, strict=True))
        return Ellipsoid(self.at(organ, center), scaled, turn, power)

    def lumpy(self, organ: str, shape: Shape, height: float, length: float) -> Lumpy:
        """The shape with this patient's surface waves."""
        return Lumpy(shape, height * self.spread, length, self[organ].phase)


SIDES: dict[str, int] = {"right": -1, "left": 1}
"""Side of the patient to the sign of x (LPS)."""
