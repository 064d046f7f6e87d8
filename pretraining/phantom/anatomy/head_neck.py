"""Organs of the head and the neck."""

from __future__ import annotations

from pretraining.phantom.compound import Difference, Grown, Intersection, Shell, Union
from pretraining.phantom.shapes import Ellipsoid, Gyroid, HalfSpace, Tube, UnderSkin, spline
from pretraining.phantom.traits import SIDES, Part, Traits


def brain(traits: Traits) -> list[Part]:
    """Skull, brain with white matter and ventricles, cerebellum, brainstem."""
    vault = traits.ellipsoid("brain", (0, 2, 578), (66, 85, 64), power=2.15)
    skull = Shell(Grown(vault, 9), 7)
    base = HalfSpace((0, 0, 524), (0, -0.3, -1))
    cranial = Intersection([skull, HalfSpace((0, 0, 522), (0, -0.3, -1))])
    pituitary_floor = Intersection([Ellipsoid((0, 0, 528), (58, 66, 9)), Gyroid(42, 0.35, (0.3, 0.2, 0.9))])
    whole = Intersection([vault, base])
    ventricles = [
        Tube(
            traits.path("brain", [(s * 7, -34, 588), (s * 11, 0, 598), (s * 22, 30, 586), (s * 30, 8, 562)]),
            [7, 6, 7, 4],
        )
        for s in (-1, 1)
    ]
    fissure = Intersection([vault, Ellipsoid((0, 2, 600), (1.6, 90, 60))])
    sulci = Intersection([Shell(whole, 12), Gyroid(17, -0.75, traits["brain"].phase)])
    white = Intersection([Grown(whole, -13), Gyroid(60, 0.75, traits["brain"].phase)])
    posterior = traits.ellipsoid("cerebellum", (0, 48, 535), (48, 31, 24))
    stem = Tube(traits.path("brainstem", [(0, 8, 566), (0, 4, 545), (0, 16, 510)]), [15, 16, 8])
    return [
        Part("skull", "cortex", cranial),
        Part("skull", "cortex", pituitary_floor),
        Part("brain", "csf", Grown(whole, 2)),
        Part("brain", "brain", whole, core=Ellipsoid((0, 0, 585), (45, 58, 36)), parenchyma=True),
        Part("brain", "white_matter", white, parenchyma=True),
        Part("brain", "csf", Union([sulci, fissure])),
        Part("brain", "csf", Union(ventricles)),
        Part("cerebellum", "cerebellum", Intersection([posterior, vault]), core=posterior),
        Part("brainstem", "brainstem", stem),
        Part("brainstem", "csf", Ellipsoid((0, 27, 537), (8, 5, 12))),
    ]


def face(traits: Traits) -> list[Part]:
    """Orbits, nose and sinuses, jaws, tongue, salivary glands."""
    parts = [
        Part(
            None, "cortex", Difference(Ellipsoid((0, -62, 508), (46, 28, 34)), Ellipsoid((0, -50, 508), (40, 30, 30)))
        ),
        Part(
            None, "cortex", Intersection([Tube([(-60, -30, 528), (-40, -72, 522), (40, -72, 522), (60, -30, 528)], 4)])
        ),
    ]
    for side, sign in SIDES.items():
        eye = traits.ellipsoid(f"eye_{side}", (sign * 32, -76, 537), (12.5, 12.5, 12.5))
        parts += [
            Part(None, "cortex", Grown(Ellipsoid((sign * 32, -62, 537), (19, 30, 18)), 2)),
            Part(None, "fat", Ellipsoid((sign * 32, -64, 537), (18.5, 32, 17.5))),
            Part(None, "muscle", Tube([(sign * 32, -70, 537), (sign * 14, -26, 535)], [3, 3])),
            Part(f"eye_{side}", "eye", eye),
            Part(None, "cortex", Grown(Ellipsoid((sign * 28, -52, 508), (16, 20, 17)), 2)),
            Part(None, "air", Ellipsoid((sign * 28, -52, 508), (16, 20, 17))),
        ]
    parts += [
        Part(None, "mucosa", Ellipsoid((0, -55, 512), (13, 36, 22))),
        Part(None, "air", Intersection([Ellipsoid((0, -55, 512), (12, 40, 21)), Gyroid(15, -0.1, (0.1, 1.5, 0.4))])),
        Part(None, "air", Tube([(0, -14, 515), (0, -8, 480), (0, -6, 430)], [10, 8, 7], (1.2, 0.7, 1))),
        Part("tongue", "muscle", traits.ellipsoid("tongue", (0, -46, 474), (24, 34, 18))),
    ]
    jaw = [(-54, 2, 515), (-52, -8, 472), (-34, -58, 456), (0, -82, 454), (34, -58, 456), (52, -8, 472), (54, 2, 515)]
    bone = Tube(spline(traits.path("mandible", jaw), 2), 8.0 * traits["mandible"].size, (0.75, 0.75, 1.5))
    parts += [
        Part("mandible", "cortex", bone),
        Part("mandible", "marrow", Grown(bone, -3)),
        Part(None, "cortex", Tube(spline([(-30, -40, 478), (0, -74, 480), (30, -40, 478)], 3), 5)),
    ]
    for side, sign in SIDES.items():
        parotid, submandibular = f"parotid_gland_{side}", f"submandibular_gland_{side}"
        if traits.has(parotid):
            gland = traits.ellipsoid(parotid, (sign * 58, 8, 490), (11, 20, 26))
            parts.append(Part(parotid, "salivary", traits.lumpy(parotid, gland, 3, 22), core=gland))
        if traits.has(submandibular):
            gland = traits.ellipsoid(submandibular, (sign * 33, -28, 446), (11, 16, 13))
            parts.append(Part(submandibular, "salivary", gland, core=gland))
    return parts


def filling() -> list[Part]:
    """Fat and muscle of the neck and the face, under bones and organs."""
    parts = [Part(None, "fat", Intersection([UnderSkin(9), Ellipsoid((0, 0, 415), (48, 46, 65), power=3)]))]
    parts.append(Part(None, "muscle", Ellipsoid((0, -20, 495), (56, 66, 40), power=2.4)))
    for sign in SIDES.values():
        strap = [(sign * 56, 18, 500), (sign * 44, -4, 430), (sign * 16, -40, 352)]
        parts += [
            Part(None, "muscle", Tube(strap, [10, 11, 8])),
            Part(None, "muscle", Ellipsoid((sign * 22, 46, 425), (22, 18, 80), power=2.5)),
            Part(None, "muscle", Tube([(sign * 20, 12, 480), (sign * 24, 18, 350)], 9)),
        ]
    return parts


def neck(traits: Traits) -> list[Part]:
    """Larynx and thyroid gland."""
    larynx = traits.ellipsoid("larynx", (0, -26, 418), (21, 20, 26), power=2.3)
    parts = [
        Part("larynx", "muscle", larynx),
        Part("larynx", "cartilage", Shell(Intersection([larynx, HalfSpace((0, -18, 0), (0, 1, 0))]), 4)),
        Part("larynx", "air", Tube([(0, -18, 445), (0, -20, 395)], [8, 8])),
    ]
    if traits.has("thyroid_gland"):
        lobes = [traits.ellipsoid("thyroid_gland", (s * 20, -16, 384), (10, 12, 24)) for s in (-1, 1)]
        isthmus = Tube(traits.path("thyroid_gland", [(-16, -24, 380), (16, -24, 380)]), 4)
        parts.append(Part("thyroid_gland", "thyroid", Union([*lobes, isthmus], 4), core=lobes[0], parenchyma=True))
    return parts


def organs(traits: Traits) -> list[Part]:
    """All of them in painting order."""
    return [*neck(traits), *face(traits), *brain(traits)]
