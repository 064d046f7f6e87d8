"""Organs of the abdomen."""

from __future__ import annotations

import numpy as np

from pretraining.phantom.anatomy.trunk import WALL
from pretraining.phantom.compound import Difference, Grown, Intersection, Shell, Union
from pretraining.phantom.shapes import Ellipsoid, Gyroid, HalfSpace, Shape, Tube, UnderSkin, spline
from pretraining.phantom.traits import SIDES, Part, Traits

CAVITY = UnderSkin(WALL + 3)


def bowel(traits: Traits) -> list[Part]:
    """Small bowel, colon with gas and stool, duodenum."""
    region = traits.ellipsoid("small_bowel", (0, -30, -95), (88, 50, 88), power=2.6)
    loops = Intersection([region, Gyroid(44, 0.5, traits["small_bowel"].phase, 1.1), CAVITY])
    parts = [Part("small_bowel", "bowel_wall", loops), Part("small_bowel", "bowel", Grown(loops, -3))]
    way = [
        (-98, 20, -150), (-104, 18, -80), (-100, 10, -20), (-70, -42, -22), (0, -62, -38), (55, -55, -12),
        (100, -2, 40), (110, 28, 0), (110, 26, -80), (98, 5, -145), (62, -8, -190), (22, 20, -205), (4, 62, -215),
    ]  # fmt: skip
    path = spline(traits.path("colon", way), 2)
    radius = np.interp(np.arange(len(path)), [0, 6, 14, 24], [25, 22, 18, 15]) * traits["colon"].size
    colon = Intersection([traits.lumpy("colon", Tube(path, radius), 5, 38), CAVITY])
    gas_path = [(x, y - 5, z + 3) for x, y, z in path]
    gas = Intersection([Tube(gas_path, radius * 0.6), Gyroid(120, -0.15, traits["colon"].phase), CAVITY])
    parts += [Part("colon", "bowel_wall", colon), Part("colon", "stool", Grown(colon, -3)), Part("colon", "gas", gas)]
    return parts


def stomach(traits: Traits) -> list[Part]:
    """A bag from the left dome of the diaphragm to the pylorus, with fluid and a bubble of gas in front."""
    if not traits.has("stomach"):
        return []
    fundus = traits.ellipsoid("stomach", (52, 2, 74), (36, 40, 36))
    body = traits.ellipsoid("stomach", (52, -36, 28), (32, 32, 46), (25, 0, 0))
    antrum = Tube(traits.path("stomach", [(46, -46, 0), (14, -50, -8), (-22, -38, 2)]), [24, 20, 13])
    bag = Intersection([traits.lumpy("stomach", Union([fundus, body, antrum], 18), 4, 70), CAVITY])
    level = traits.at("stomach", (0, -38, 0))
    lumen = Grown(bag, -5)
    return [
        Part("stomach", "bowel_wall", bag, core=fundus),
        Part("stomach", "gastric", lumen),
        Part("stomach", "gas", Intersection([lumen, HalfSpace(level, (0, 1, 0))])),
    ]


def liver(traits: Traits) -> list[Part]:
    """Right and left lobe under the diaphragm, cut by the visceral surface, with veins inside."""
    if not traits.has("liver"):
        return []
    right = traits.ellipsoid("liver", (-68, 6, 52), (70, 84, 76), power=2.3)
    left = traits.ellipsoid("liver", (4, -44, 76), (68, 38, 38), (0, -8, -8))
    whole = Union([right, left], 30)
    visceral = HalfSpace(traits.at("liver", (-18, 12, 26)), (0.62, 0.5, -0.6))
    shape = Intersection([traits.lumpy("liver", whole, 4, 95), visceral, CAVITY])
    cave = traits.at("liver", (-20, 14, 108))
    veins = [
        Tube([cave, traits.at("liver", end)], [7, 2.5])
        for end in ((-105, -10, 70), (-72, -55, 70), (14, -52, 84), (-100, 40, 60))
    ]
    porta = traits.at("liver", (-34, -8, 34))
    portal = [Tube([porta, traits.at("liver", end)], [6, 2]) for end in ((-92, 20, 40), (-88, -35, 36), (0, -48, 64))]
    return [
        Part(
            "liver", "liver", shape, core=Ellipsoid(right.center, tuple(0.62 * r for r in right.radii)), parenchyma=True
        ),
        Part("liver", "vein", Intersection([Union(veins), Grown(shape, -4)])),
        Part("liver", "portal_vein", Intersection([Union(portal), Grown(shape, -4)])),
    ]


def gallbladder(traits: Traits) -> list[Part]:
    """A pear under the liver."""
    if not traits.has("gallbladder"):
        return []
    shape = traits.ellipsoid("gallbladder", (-48, -46, 16), (15, 19, 27), (35, 0, 0))
    return [Part("gallbladder", "bowel_wall", shape), Part("gallbladder", "bile", Grown(shape, -2), core=shape)]


def spleen(traits: Traits) -> list[Part]:
    """A crescent along the left posterior wall."""
    if not traits.has("spleen"):
        return []
    outer = traits.ellipsoid("spleen", (100, 32, 62), (32, 47, 56), (20, 0, -18))
    hilum = Ellipsoid(traits.at("spleen", (64, 14, 62)), (30, 36, 50), (0, 0, -18))
    shape = Intersection([traits.lumpy("spleen", Difference(outer, hilum), 3, 60), CAVITY])
    core = Ellipsoid(traits.at("spleen", (106, 40, 62)), (16, 24, 34))
    return [Part("spleen", "spleen", shape, core=core, parenchyma=True)]


def kidney(traits: Traits, side: str) -> list[Part]:
    """Cortex, medulla and fatty sinus of one kidney."""
    organ, sign = f"kidney_{side}", SIDES[side]
    if not traits.has(organ):
        return []
    center = (sign * 62, 44, -14 if side == "right" else 4)
    turn = (-8, sign * -12, sign * 40)
    whole = traits.ellipsoid(organ, center, (26, 31, 55), turn, 2.2)
    hilum_center = traits.at(organ, (sign * 44, 30, center[2]))
    sinus = Ellipsoid(hilum_center, (15, 13, 24), turn)
    shape = traits.lumpy(organ, whole, 2.5, 44)
    medulla = Intersection([Grown(shape, -8), Gyroid(26, 0.35, traits[organ].phase)])
    core = Ellipsoid(whole.center, tuple(0.7 * r for r in whole.radii), turn)
    return [
        Part(organ, "kidney_cortex", shape, core=core, parenchyma=True),
        Part(organ, "kidney_medulla", medulla, parenchyma=True),
        Part(organ, "sinus", Intersection([sinus, Grown(shape, 2)])),
    ]


def adrenal(traits: Traits, side: str) -> list[Part]:
    """Two thin limbs above the kidney."""
    organ, sign = f"adrenal_gland_{side}", SIDES[side]
    if not traits.has(organ):
        return []
    top = traits.at(organ, (sign * 36, 26, 52))
    limbs = [Tube([top, (top[0] + dx, top[1] + 18, top[2] - 16)], 3.6 * traits[organ].size) for dx in (-8, 9)]
    return [Part(organ, "adrenal", Union(limbs, 3), core=Ellipsoid(top, (9, 9, 9)))]


def pancreas(traits: Traits) -> list[Part]:
    """Head beside the duodenum, body over the spine, tail to the spleen; the duodenum round the head."""
    parts: list[Part] = []
    loop = [(-22, -36, 4), (-48, -22, 6), (-50, -2, -22), (-42, 6, -48), (-5, 2, -52), (22, -8, -36)]
    duodenum: Shape = Tube(spline(traits.path("duodenum", loop), 2), 12.5 * traits["duodenum"].size)
    parts += [Part("duodenum", "bowel_wall", duodenum), Part("duodenum", "bowel", Grown(duodenum, -3))]
    if traits.has("pancreas"):
        size = traits["pancreas"].size
        way = [(-30, -8, -24), (-24, -16, -4), (4, -26, 12), (38, -12, 26), (78, 14, 40)]
        path = spline(traits.path("pancreas", way), 2)
        radii = np.interp(np.arange(9), [0, 2, 4, 8], [17, 17, 11.5, 10.5]) * size
        shape = traits.lumpy("pancreas", Tube(path, radii), 3, 16)
        parts.append(Part("pancreas", "pancreas", shape, core=Ellipsoid(path[1], (10, 10, 12)), parenchyma=True))
    return parts


def vessels(traits: Traits) -> list[Part]:
    """Portal and splenic vein; the great vessels are with the chest."""
    way = [(-34, -8, 34), (-16, -12, 12), (8, -14, 10), (44, -2, 26), (72, 18, 42)]
    path = spline(traits.path("portal_vein_and_splenic_vein", way), 2)
    size = traits["portal_vein_and_splenic_vein"].size
    return [Part("portal_vein_and_splenic_vein", "portal_vein", Tube(path, np.linspace(7.5, 4.5, 9) * size))]


def fluid(traits: Traits) -> list[Part]:
    """Free fluid along the walls of abdomen and pelvis."""
    rim = Intersection(
        [Shell(CAVITY, 26), Gyroid(150, 0.1, traits["liver"].phase), Ellipsoid((0, 0, -30), (140, 100, 160))]
    )
    return [Part(None, "fluid", rim, lesion="ascites")]


def organs(traits: Traits) -> list[Part]:
    """All of them, back to front in painting order."""
    groups = [bowel(traits), stomach(traits), pancreas(traits), liver(traits), spleen(traits), gallbladder(traits)]
    groups += [kidney(traits, side) for side in SIDES] + [adrenal(traits, side) for side in SIDES] + [vessels(traits)]
    return [part for group in groups for part in group]
