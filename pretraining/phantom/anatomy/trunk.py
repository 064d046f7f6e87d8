"""The body's outline and the tissue that everything else is painted over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pretraining.phantom.compound import Grown, Intersection
from pretraining.phantom.shapes import Ellipsoid, HalfSpace, Tube, UnderSkin, spline
from pretraining.phantom.traits import SIDES, Part, Traits

WALL = 13.0
"""Thickness of the muscular wall of chest and abdomen, mm."""

CAGE = Intersection([UnderSkin(5.0), Ellipsoid((0, 8, 110), (146, 104, 235), power=3.2)])
"""Outer surface of the ribs; the abdomen continues it downwards."""

# z, half width, half depth, y of the middle, power of the cross-section: of the muscular wall, mm. Fat comes on top.
PROFILE = np.array(
    [
        (-460, 165, 86, 8, 3.0),
        (-330, 166, 94, 12, 2.8),
        (-265, 166, 102, 14, 2.5),
        (-190, 155, 100, 10, 2.4),
        (-110, 138, 92, 3, 2.4),
        (0, 136, 91, 2, 2.4),
        (80, 140, 96, 2, 2.4),
        (160, 146, 100, 5, 2.4),
        (240, 152, 96, 8, 2.4),
        (300, 168, 84, 14, 2.3),
        (335, 172, 76, 18, 2.2),
        (362, 120, 64, 16, 2.1),
        (382, 66, 56, 10, 2.0),
        (430, 54, 56, 6, 2.0),
        (468, 58, 70, 0, 2.0),
        (500, 66, 88, -4, 2.1),
        (560, 74, 96, -3, 2.1),
        (600, 73, 93, 0, 2.0),
        (628, 60, 78, 2, 2.0),
        (646, 40, 52, 3, 2.0),
        (655, 18, 24, 3, 2.0),
        (659, 2, 2, 3, 2.0),
    ],
    np.float32,
)

# Subcutaneous fat as a share of the trunk's, by height.
FAT_SHARE = ((-460, 1.0), (-200, 1.25), (-60, 1.1), (100, 0.8), (300, 0.6), (400, 0.35), (470, 0.2), (700, 0.15))


def wall_distance(x: NDArray[np.float32], y: NDArray[np.float32], heights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signed distance, in the axial plane, to the outer surface of the muscular wall.

    Args:
        x: positions that broadcast to `(Z, Y, X)`, mm.
        y: likewise.
        heights: z of each plane, `(Z,)`, mm.

    Returns:
        `(Z, Y, X)` mm, negative inside; +1e3 beyond the top of the head.
    """
    width, depth, middle, power = (
        np.interp(heights, PROFILE[:, 0], PROFILE[:, i]).astype(np.float32)[:, None, None] for i in range(1, 5)
    )
    u, v = np.abs(x) / width, np.abs(y - middle) / depth
    lower_u, lower_v = u ** (power - 1), v ** (power - 1)
    total = u * lower_u + v * lower_v
    norm = total ** (1 / power)
    slope = np.sqrt((lower_u / width) ** 2 + (lower_v / depth) ** 2)
    distance = (norm - 1) * total / (norm * slope + np.float32(1e-9))
    distance[heights > PROFILE[-1, 0]] = 1e3
    return distance


def fat_thickness(heights: NDArray[np.float32], fat: float) -> NDArray[np.float32]:
    """Subcutaneous fat at each height, mm, `(Z, 1, 1)`."""
    height, share = np.asarray(FAT_SHARE).T
    return (fat * np.interp(heights, height, share)).astype(np.float32)[:, None, None]


def muscles(traits: Traits) -> list[Part]:
    """The muscular wall, what fills the body inside it, and the large muscles of back, hip and neck."""
    inside = UnderSkin(0.0)
    parts = [
        Part(None, "muscle", inside),
        # Visceral fat fills chest and abdomen; pelvis narrows; neck and head are filled by their own organs.
        Part(None, "fat", Grown(CAGE, 8 - WALL)),
        Part(None, "fat", Intersection([UnderSkin(WALL), Ellipsoid((0, 5, -190), (92, 88, 150), power=2.5)])),
    ]
    for side, sign in SIDES.items():
        autochthon = f"autochthon_{side}"
        parts.append(
            Part(
                autochthon,
                "muscle",
                Intersection([traits.ellipsoid(autochthon, (sign * 36, 82, 40), (30, 22, 290), power=2.6), inside]),
            )
        )
        gluteus = f"gluteus_maximus_{side}"
        parts += [
            Part(
                None,
                "fat",
                Intersection([Ellipsoid((sign * 72, 84, -235), (76, 50, 98)), inside]),
            ),
            Part(
                gluteus,
                "muscle",
                Intersection(
                    [traits.ellipsoid(gluteus, (sign * 72, 92, -235), (64, 34, 80), (0, 0, sign * -25)), inside]
                ),
            ),
            Part(
                None,
                "fat",
                Intersection([Ellipsoid((0, 106, -250), (9, 45, 70)), HalfSpace((0, 60, 0), (0, -1, 0)), inside]),
            ),
        ]
        iliopsoas = f"iliopsoas_{side}"
        psoas = [
            (sign * 34, 40, 10),
            (sign * 42, 40, -60),
            (sign * 55, 28, -130),
            (sign * 72, -8, -210),
            (sign * 84, -25, -255),
        ]
        size = traits[iliopsoas].size
        parts.append(
            Part(
                iliopsoas,
                "muscle",
                Tube(
                    spline(traits.path(iliopsoas, psoas), 2),
                    [size * r for r in np.interp(np.arange(9), [0, 2, 5, 8], [8, 17, 21, 15])],
                ),
            )
        )
    return parts
