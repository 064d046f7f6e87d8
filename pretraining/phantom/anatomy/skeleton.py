"""Bones of the trunk, and the spinal canal."""

from __future__ import annotations

import numpy as np

from pretraining.phantom.anatomy.trunk import CAGE
from pretraining.phantom.compound import Difference, Grown, Intersection, Shell, Union
from pretraining.phantom.shapes import Ellipsoid, HalfSpace, Shape, Stack, Tube, UnderSkin, spline
from pretraining.phantom.traits import SIDES, Part, Traits

# Middle of the vertebral bodies: height, y, radius, mm.
COLUMN = np.array(
    [
        (-150, 46, 24), (-100, 40, 24), (-40, 40, 23), (30, 45, 21), (110, 56, 18), (200, 62, 16), (290, 52, 14),
        (350, 32, 12), (420, 22, 10), (505, 24, 10),
    ],
    float,
)  # fmt: skip


def disc_heights() -> list[float]:
    """Z of the discs: 33 mm apart at the loins, 17 in the neck."""
    heights = [-150.0]
    while heights[-1] < 500:
        heights.append(heights[-1] + float(np.interp(heights[-1], [-150, 60, 340, 500], [33, 27, 19, 17])))
    return heights


def spine(traits: Traits) -> list[Part]:
    """Bodies and discs, arches with transverse and spinous processes, canal with cord."""
    shift = traits["vertebrae"].offset[0] * 0.4
    bodies = [(shift, y, z) for z, y, _ in COLUMN]
    size = traits["vertebrae"].size
    radii = COLUMN[:, 2] * size
    column = Tube(bodies, radii, (1.0, 0.82, 1.0))
    canal = [(x, y + 0.82 * r + 9, z) for (x, y, z), r in zip(bodies, radii, strict=True)]
    spines = [(x, y + 16 + 0.25 * r, z - 4) for (x, y, z), r in zip(canal, radii, strict=True)]
    discs = disc_heights()
    between = Stack(discs, 7.0)
    levels = Stack([z + 10 for z in discs], 15.0)
    wings = [
        Tube([(x - 2 * r, y + 2, z) for (x, y, z), r in zip(canal, radii, strict=True)], 6),
        Tube([(x + 2 * r, y + 2, z) for (x, y, z), r in zip(canal, radii, strict=True)], 6),
    ]
    arch = Union([Tube(canal, 14.5, (1.15, 1, 1)), Tube(spines, 8, (0.6, 1.4, 1))], 4)
    plates = [
        Intersection([Tube([a, b], 5), levels])
        for side in (-1, 1)
        for a, b in [((side * 20, 60, -150), (side * 20, 60, 330))]
    ]
    rim = Intersection([Union([arch, *wings, *plates], 2), levels])
    cord = [p for p in canal if p[2] > 0]
    return [
        Part("vertebrae", "cortex", Union([column, rim])),
        Part("vertebrae", "marrow", Union([Grown(column, -3), Grown(rim, -3)]), parenchyma=True),
        Part(None, "disc", Intersection([column, between])),
        Part(None, "csf", Tube(canal, 8.5, (1.25, 0.9, 1))),
        Part("spinal_cord", "cord", Tube(cord, 5.2, (1.2, 0.85, 1))),
    ]


def ribs(traits: Traits) -> list[Part]:
    """Slanted hoops in the chest wall, and the sternum."""
    heights = [float(h) for h in np.linspace(36, 348, 12)]
    wall = Shell(CAGE, 8)
    hoops: Shape = Intersection([wall, Stack(heights, 10.0, 0.52, 80.0)])
    front = Ellipsoid((0, -110, 120), (62, 62, 190), power=3)
    cage = Difference(hoops, front)
    cartilage = Intersection([hoops, front, HalfSpace((0, 0, 66), (0, 0, -1))])
    plate = traits.ellipsoid("sternum", (0, -80, 205), (19, 7, 82), (-7, 0, 0), 3)
    return [
        Part("ribs", "cortex", cage),
        Part("ribs", "marrow", Grown(cage, -2.5)),
        Part("costal_cartilages", "cartilage", cartilage),
        Part("sternum", "cortex", plate),
        Part("sternum", "marrow", Grown(plate, -2.5)),
    ]


def shoulder(traits: Traits, side: str) -> list[Part]:
    """Collar bone, shoulder blade and head of the arm bone with the muscle round them."""
    sign = SIDES[side]
    collar, blade, arm = f"clavicula_{side}", f"scapula_{side}", f"humerus_{side}"
    clavicle = Tube(
        spline(
            traits.path(
                collar, [(sign * 16, -66, 318), (sign * 62, -50, 332), (sign * 118, -8, 342), (sign * 148, 6, 344)]
            ),
            2,
        ),
        6,
    )
    plate = Intersection(
        [
            Shell(Ellipsoid(traits.at(blade, (sign * 70, 20, 270)), (88, 82, 110), (0, 0, sign * -10)), 6),
            Ellipsoid(traits.at(blade, (sign * 118, 72, 275)), (44, 48, 66)),
        ]
    )
    knob = Tube([(sign * 138, 12, 318), (sign * 112, 64, 326)], [11, 6])
    head = traits.path(arm, [(sign * 158, 8, 318), (sign * 178, 8, 260)])
    humerus = Tube(head, [23, 13])
    return [
        Part(
            None,
            "muscle",
            Intersection([Difference(Ellipsoid((sign * 128, 40, 292), (58, 56, 70)), CAGE), UnderSkin(-6)]),
        ),
        Part(blade, "cortex", Union([plate, knob], 3)),
        Part(collar, "cortex", clavicle),
        Part(collar, "marrow", Grown(clavicle, -3)),
        Part(arm, "cortex", humerus),
        Part(arm, "marrow", Grown(humerus, -4)),
    ]


def pelvis(traits: Traits) -> list[Part]:
    """Sacrum, hip bones and thigh bones."""
    way = traits.path("sacrum", [(0, 62, -158), (0, 84, -190), (0, 98, -230), (0, 84, -268)])
    sacrum = Tube(way, [22, 21, 17, 6], (2.1, 0.85, 1.0))
    parts = [Part("sacrum", "cortex", sacrum), Part("sacrum", "marrow", Grown(sacrum, -3))]
    for side, sign in SIDES.items():
        hip, femur = f"hip_{side}", f"femur_{side}"
        bowl = Ellipsoid(traits.at(hip, (sign * 38, -8, -168)), (88, 84, 96))
        wing = Intersection(
            [
                Shell(bowl, 11),
                HalfSpace((sign * 62, 0, 0), (-sign, -0.25, 0)),
                HalfSpace((0, 0, -104), (0, 0.1, 1)),
                HalfSpace((0, -42, 0), (0, -1, 0.1)),
                HalfSpace((0, 78, 0), (0, 1, 0)),
            ]
        )
        socket = traits.at(hip, (sign * 88, 4, -258))
        cup = Difference(Ellipsoid(socket, (37, 34, 36)), HalfSpace((socket[0] + sign * 6, 0, 0), (-sign, 0, -0.4)))
        pubis = Tube([(socket[0] - sign * 20, -20, -266), (sign * 38, -50, -278), (sign * 8, -56, -292)], [12, 10, 11])
        ischium = Tube(
            [(socket[0] - sign * 18, 32, -268), (sign * 64, 42, -312), (sign * 44, 0, -330), (sign * 14, -44, -306)],
            [13, 15, 9, 7],
        )
        shape: Shape = Union([wing, cup, pubis, ischium], 4)
        head = (sign * 94, 2, -260)
        thigh = Union(
            [
                Ellipsoid(head, (24, 24, 24)),
                Tube([head, (sign * 128, 8, -286), (sign * 138, 10, -330), (sign * 130, 8, -460)], [14, 17, 17, 14]),
            ],
            3,
        )
        parts += [
            Part(hip, "cortex", Difference(shape, Grown(thigh, 3))),
            Part(hip, "marrow", Difference(Grown(shape, -3.5), Grown(thigh, 3))),
            Part(femur, "cortex", thigh),
            Part(femur, "marrow", Grown(thigh, -4)),
        ]
    return parts


def bones(traits: Traits) -> list[Part]:
    """All of them in painting order."""
    groups = [ribs(traits), *(shoulder(traits, side) for side in SIDES), pelvis(traits), spine(traits)]
    return [part for group in groups for part in group]
