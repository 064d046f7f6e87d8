"""One synthetic patient: habitus, variation, removals, disease, and the parts that make up the body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pretraining.phantom.anatomy import abdomen, chest, head_neck, pelvis, skeleton, trunk
from pretraining.phantom.lesions import Lesion, base, grow, hosts
from pretraining.phantom.traits import Part, Traits

# Organ to the chance of its absence and how it came about.
_REMOVALS: dict[str, tuple[float, tuple[str, ...]]] = {
    "gallbladder": (0.12, ("surgery",)),
    "spleen": (0.05, ("surgery",)),
    "kidney_left": (0.04, ("surgery", "surgery", "agenesis")),
    "kidney_right": (0.04, ("surgery", "surgery", "agenesis")),
    "stomach": (0.01, ("surgery",)),
    "pancreas": (0.01, ("surgery",)),
    "adrenal_gland_left": (0.015, ("surgery",)),
    "adrenal_gland_right": (0.015, ("surgery",)),
    "urinary_bladder": (0.02, ("surgery",)),
    "uterus": (0.15, ("surgery",)),
    "prostate": (0.06, ("surgery",)),
    "thyroid_gland": (0.06, ("surgery",)),
    "lung_left": (0.01, ("surgery",)),
    "lung_right": (0.01, ("surgery",)),
    "parotid_gland_left": (0.02, ("surgery",)),
    "parotid_gland_right": (0.02, ("surgery",)),
}

# Organ, chance, size factors, and the adjective of a report.
_SIZES: tuple[tuple[str, float, tuple[float, float], str], ...] = (
    ("liver", 0.10, (1.10, 1.2), "enlarged"),
    ("liver", 0.05, (0.8, 0.88), "atrophic"),
    ("spleen", 0.14, (1.22, 1.5), "enlarged"),
    ("spleen", 0.05, (0.6, 0.75), "atrophic"),
    ("kidney_left", 0.06, (0.58, 0.74), "atrophic"),
    ("kidney_right", 0.06, (0.58, 0.74), "atrophic"),
    ("kidney_left", 0.05, (1.14, 1.25), "enlarged"),
    ("kidney_right", 0.05, (1.14, 1.25), "enlarged"),
    ("heart", 0.16, (1.14, 1.26), "enlarged"),
    ("prostate", 0.25, (1.25, 1.55), "enlarged"),
    ("uterus", 0.12, (1.2, 1.45), "enlarged"),
    ("uterus", 0.15, (0.65, 0.8), "atrophic"),
    ("urinary_bladder", 0.2, (1.2, 1.4), "distended"),
    ("urinary_bladder", 0.15, (0.5, 0.7), "collapsed"),
    ("gallbladder", 0.12, (1.25, 1.5), "distended"),
    ("gallbladder", 0.1, (0.55, 0.7), "contracted"),
    ("stomach", 0.15, (1.12, 1.25), "distended"),
    ("pancreas", 0.14, (0.66, 0.8), "atrophic"),
    ("thyroid_gland", 0.15, (1.3, 1.7), "enlarged"),
    ("aorta", 0.1, (1.35, 1.7), "aneurysmal"),
    ("parotid_gland_left", 0.05, (1.25, 1.5), "enlarged"),
    ("parotid_gland_right", 0.05, (1.25, 1.5), "enlarged"),
)

# Organ, chance, change of HU, change of MR signal (share of the full range), and the words of a report.
_DENSITIES: tuple[tuple[str, float, float, float, str], ...] = (
    ("liver", 0.18, -42, 0.16, "steatosis"),
    ("liver", 0.04, 24, -0.14, "iron"),
    ("spleen", 0.05, 25, -0.12, "iron"),
    ("pancreas", 0.12, -38, 0.14, "fatty"),
    ("vertebrae", 0.15, -110, 0.1, "osteopenia"),
    ("thyroid_gland", 0.12, -55, -0.06, "hypoattenuating"),
    ("brain", 0.06, -6, 0.06, "edema"),
    ("liver", 0.02, -60, -0.15, "dark"),
    ("liver", 0.02, 50, 0.15, "bright"),
    ("spleen", 0.03, -50, -0.15, "dark"),
    ("spleen", 0.03, 60, 0.15, "bright"),
    ("kidney_left", 0.04, -70, -0.2, "dark"),
    ("kidney_left", 0.02, 70, 0.15, "bright"),
    ("kidney_right", 0.04, -70, -0.2, "dark"),
    ("kidney_right", 0.02, 70, 0.15, "bright"),
    ("pancreas", 0.03, -45, -0.15, "dark"),
    ("heart", 0.04, -70, -0.2, "dark"),
    ("heart", 0.03, 70, 0.15, "bright"),
    ("lung_left", 0.04, 190, 0.12, "ground glass"),
    ("lung_right", 0.04, 190, 0.12, "ground glass"),
    ("vertebrae", 0.04, 160, -0.25, "sclerosis"),
)


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How patients of one population vary; chances are multiplied by these factors.

    Attributes:
        spread: variation of position, size and shape. removals, sizes, densities: factors of the built-in chances.
        lesions: expected number of lesions in a body. lesion_hosts: organ (`kidney` for both) to the relative chance
            that one grows there, none in others; empty for the built-in chances. lesion_size: factor of their radii.
        effusions: chance of ascites and of an effusion on each side.
        build: organ to the factor by which this population has it larger than the reference body.
        never_formed: organ to the chance that it is congenitally absent, on top of the removals; for populations in
            which
            absence is to be common.
    """

    spread: float = 1.0
    removals: float = 1.0
    sizes: float = 1.0
    densities: float = 1.0
    lesions: float = 5.0
    lesion_hosts: Mapping[str, float] = field(default_factory=dict)
    lesion_size: float = 1.0
    effusions: float = 0.08
    build: Mapping[str, float] = field(default_factory=dict)
    never_formed: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Patient:
    """A body that can be rendered on any grid.

    Attributes:
        traits: habitus and variation. parts: what to paint, in order; lesions last.
        lesions: what grows where. effusions: kinds of free fluid ("ascites", "pleural_effusion_left").
        sizes, densities: organ to the word for its abnormal size or density. shades: organ to its change (HU, MR
            signal).
        age: years. scale: body size along z, y, x against the reference. bend: phases of the smooth deformation.
    """

    traits: Traits
    parts: tuple[Part, ...]
    lesions: tuple[Lesion, ...]
    effusions: tuple[str, ...]
    sizes: Mapping[str, str]
    densities: Mapping[str, str]
    shades: Mapping[str, tuple[float, float]]
    age: int
    scale: tuple[float, float, float]
    bend: NDArray[np.float64]

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Lowest and highest corners of the parts' boxes, `(N, 3)` each, mm."""
        low, high = zip(*(part.shape.bounds for part in self.parts), strict=True)
        return np.stack(low), np.stack(high)

    @property
    def lesion_heights(self) -> tuple[float, ...]:
        """Z of every lesion's middle, mm."""
        bounds = [lesion.part.shape.bounds for lesion in self.lesions]
        return tuple(float(low[2] + high[2]) / 2 * self.scale[0] for low, high in bounds)

    @property
    def removed(self) -> Mapping[str, str]:
        """Organ to how it came to be absent: "surgery" or "agenesis"."""
        return self.traits.removed


def draw_patient(rng: np.random.Generator, habits: Habits) -> Patient:
    """A patient; the same generator state gives the same patient."""
    sex = str(rng.choice(["female", "male"]))
    removed = _draw_removals(rng, habits, sex)
    sizes, factors = _draw_sizes(rng, habits, removed, sex)
    densities, shades = {}, {}
    for organ, chance, hounsfield, signal, word in _DENSITIES:
        if rng.uniform() < chance * habits.densities and organ not in densities:
            strength = rng.uniform(0.7, 1.3)
            densities[organ], shades[organ] = word, (hounsfield * strength, signal * strength)
    traits = Traits(rng, sex, float(rng.uniform(7, 36)), removed, factors, build=habits.build, spread=habits.spread)
    parts = _body(traits)
    effusions = tuple(
        kind
        for kind in ("ascites", "pleural_effusion_left", "pleural_effusion_right")
        if rng.uniform() < habits.effusions
    )
    # Free fluid lies under the organs that it surrounds, so it is painted right after the walls.
    fluids = [part for kind in effusions for part in _effusion(traits, kind)]
    growths = _draw_lesions(rng, habits, parts)
    scale = np.exp(rng.normal(0, 0.045 * habits.spread, 3).clip(-0.12, 0.12))
    return Patient(
        traits=traits,
        parts=(*trunk.muscles(traits), *chest.lungs(traits), *fluids, *parts, *(lesion.part for lesion in growths)),
        lesions=tuple(growths),
        effusions=effusions,
        sizes=sizes,
        densities=densities,
        shades=shades,
        age=int(rng.integers(19, 90)),
        scale=(float(scale[0]), float(scale[1]), float(scale[2])),
        bend=rng.uniform(0, 2 * np.pi, (3, 2)),
    )


def _body(traits: Traits) -> list[Part]:
    """Everything that lies over walls, lungs and free fluid."""
    return [
        *head_neck.filling(),
        *chest.organs(traits),
        *skeleton.bones(traits),
        *abdomen.organs(traits),
        *pelvis.organs(traits),
        *head_neck.organs(traits),
    ]


def _effusion(traits: Traits, kind: str) -> list[Part]:
    return abdomen.fluid(traits) if kind == "ascites" else chest.effusion(traits, kind.rsplit("_", 1)[1])


def _draw_removals(rng: np.random.Generator, habits: Habits, sex: str) -> dict[str, str]:
    removed: dict[str, str] = {}
    for organ, (chance, causes) in _REMOVALS.items():
        drawn, cause = rng.uniform() < chance * habits.removals, str(rng.choice(causes))
        # Nobody lives without both of a pair here.
        other = organ.replace("left", "right") if "left" in organ else organ.replace("right", "left")
        if drawn and (other == organ or other not in removed):
            removed[organ] = cause
    for organ, chance in habits.never_formed.items():
        if rng.uniform() < chance:
            removed[organ] = "agenesis"
    # An organ that the other sex has is no removal.
    removed.pop("uterus" if sex == "male" else "prostate", None)
    return removed


def _draw_sizes(
    rng: np.random.Generator, habits: Habits, removed: Mapping[str, str], sex: str
) -> tuple[dict[str, str], dict[str, float]]:
    words: dict[str, str] = {}
    factors: dict[str, float] = {}
    for organ, chance, (low, high), word in _SIZES:
        drawn, factor = rng.uniform() < chance * habits.sizes, float(rng.uniform(low, high))
        if drawn and organ not in removed and organ not in words:
            words[organ], factors[organ] = word, factor
    # Words for an organ that the other sex has would be nonsense.
    words.pop("uterus" if sex == "male" else "prostate", None)
    for gone, left in (("kidney_left", "kidney_right"), ("kidney_right", "kidney_left")):
        if gone in removed:
            words[left], factors[left] = "hypertrophied", float(rng.uniform(1.1, 1.2))
    return words, factors


def _draw_lesions(rng: np.random.Generator, habits: Habits, parts: list[Part]) -> list[Lesion]:
    places = hosts(parts)
    names = list(places)
    if habits.lesion_hosts:
        weights = np.array([habits.lesion_hosts.get(base(name), 0.0) for name in names])
    else:
        # One more often in organs that carry many.
        weights = np.array(
            [3.0 if name in ("liver", "lung_left", "lung_right") or "kidney" in name else 1.0 for name in names]
        )
    if not weights.any():
        return []
    chosen = rng.choice(len(names), size=int(rng.poisson(habits.lesions)), p=weights / weights.sum())
    return [grow(places[names[index]], rng, habits.lesion_size) for index in chosen]
