"""Organs of the chest and the great vessels."""

from __future__ import annotations

import numpy as np

from pretraining.phantom.anatomy.trunk import CAGE
from pretraining.phantom.compound import Difference, Grown, Intersection, Union
from pretraining.phantom.shapes import Ellipsoid, Gyroid, HalfSpace, Shape, Tube, spline
from pretraining.phantom.traits import SIDES, Part, Traits

CHEST_WALL = Grown(CAGE, -12)


def lung(traits: Traits, side: str) -> list[Part]:
    """A cone to the apex, hollowed by the dome of the diaphragm, with vessels."""
    organ, sign = f"lung_{side}", SIDES[side]
    if not traits.has(organ):
        shape: Shape = Intersection([Ellipsoid((sign * 82, 10, 190), (64, 90, 130), power=2.6), CHEST_WALL])
        return [Part(None, "fluid", shape)]
    whole = traits.ellipsoid(organ, (sign * (84 if side == "right" else 88), 12, 180), (68, 100, 160), power=2.5)
    top = 118 if side == "right" else 106
    dome = Ellipsoid(traits.at("liver", (sign * 68, -6, top - 110)), (92, 98, 110), power=2.3)
    shape = Intersection([Difference(whole, dome), CHEST_WALL])
    phase = traits[organ].phase
    vessels = Intersection(
        [Grown(shape, -5), Gyroid(30, -0.9, phase, 1.2), Ellipsoid((sign * 50, 10, 190), (75, 75, 100))]
    )
    core = Ellipsoid((sign * 92, 14, 215), (30, 50, 70))
    return [Part(organ, "lung", shape, core=core, parenchyma=True), Part(organ, "lung_vessel", vessels)]


def mediastinum(traits: Traits) -> list[Part]:
    """Trachea with main bronchi, esophagus, thyroid is with the neck."""
    trachea = traits.path("trachea", [(0, -14, 405), (1, -2, 340), (2, 16, 262)])
    size = traits["trachea"].size
    carina = trachea[-1]
    bronchi = [
        Tube([carina, (carina[0] + s * 42, carina[1] + 6, carina[2] - 34)], [8 * size, 6 * size]) for s in (-1, 1)
    ]
    airway = Union([Tube(trachea, 9.5 * size), *bronchi], 4)
    gullet = spline(
        traits.path("esophagus", [(2, 4, 400), (6, 22, 320), (8, 32, 240), (12, 26, 160), (22, 18, 112), (34, 8, 88)]),
        2,
    )
    esophagus = Tube(gullet, 9.0 * traits["esophagus"].size)
    hilum = Part(None, "fat", Ellipsoid((0, -5, 210), (34, 62, 130), power=2.4))
    return [
        hilum,
        Part("esophagus", "esophagus", esophagus),
        Part("esophagus", "gas", Intersection([Grown(esophagus, -6.5), Gyroid(90, 0.1, traits["esophagus"].phase)])),
        Part("trachea", "cartilage", Grown(airway, 1.5)),
        Part("trachea", "air", airway),
    ]


def heart(traits: Traits) -> list[Part]:
    """Pericardial fat, muscle, and four chambers, apex to the left front."""
    at, size = traits.at, traits["heart"].size
    turn = (0, 0, -38)
    outer = traits.ellipsoid("heart", (20, -30, 146), (60, 44, 48), turn, 2.2)
    chambers = {
        "blood_left": [((46, -26, 138), (33, 18, 22), turn), ((12, 2, 164), (28, 17, 20), (0, 0, -10))],
        "blood_right": [((16, -52, 136), (36, 16, 24), turn), ((-22, -22, 146), (21, 24, 27), (0, 0, 0))],
    }
    parts = [
        Part(None, "fat", Grown(outer, 4)),
        Part("heart", "myocardium", outer, core=Ellipsoid(outer.center, (30, 25, 25)), parenchyma=True),
    ]
    for tissue, rooms in chambers.items():
        for center, radii, angle in rooms:
            room = Ellipsoid(at("heart", center), tuple(r * size for r in radii), angle)
            parts.append(Part("heart", tissue, Intersection([room, Grown(outer, -3)]), parenchyma=True))
    return parts


def great_vessels(traits: Traits) -> list[Part]:
    """Aorta with arch and descending part to the iliac arteries, caval veins, pulmonary trunk, neck branches."""
    at = traits.path
    aorta_way = [
        (6, -20, 172), (-6, -30, 206), (-6, -30, 240), (4, -18, 266), (18, 8, 270), (28, 34, 248), (26, 42, 190),
        (16, 34, 120), (8, 20, 50), (5, 18, -30), (4, 20, -105),
    ]  # fmt: skip
    aorta = spline(at("aorta", aorta_way), 2)
    caliber = np.interp(np.arange(21), [0, 6, 12, 20], [15.5, 14, 12, 9]) * traits["aorta"].size
    cava_way = [(-20, -12, 140), (-22, 0, 112), (-24, 12, 60), (-22, 20, -20), (-20, 22, -108)]
    cava = spline(at("inferior_vena_cava", cava_way), 2)
    upper_way = [(-22, -20, 158), (-26, -22, 215), (-27, -22, 272)]
    trunk_way = [(14, -44, 178), (14, -32, 204), (8, -10, 220)]
    trunk = at("pulmonary_trunk", trunk_way)
    branches = [
        Tube([trunk[-1], (trunk[-1][0] + s * 46, trunk[-1][1] + 16, trunk[-1][2] - 6)], [11, 7]) for s in (-1, 1)
    ]
    parts = [
        Part(None, "blood_right", Union([Tube(trunk, 13), *branches], 4)),
        Part(
            "superior_vena_cava",
            "vein",
            Tube(at("superior_vena_cava", upper_way), 9.5 * traits["superior_vena_cava"].size),
        ),
        Part(
            "inferior_vena_cava",
            "vein",
            Tube(cava, np.linspace(14, 10, len(cava)) * traits["inferior_vena_cava"].size, (1.15, 0.9, 1)),
        ),
        Part("aorta", "artery", Tube(aorta, caliber)),
    ]
    fork_artery, fork_vein = aorta[-1], cava[-1]
    for side, sign in SIDES.items():
        way = [(sign * 28, 20, -150), (sign * 46, 4, -205), (sign * 66, -52, -262), (sign * 70, -58, -330)]
        artery = spline([fork_artery, *at(f"iliac_artery_{side}", way)], 2)
        vein = spline([fork_vein, *at(f"iliac_vena_{side}", [(x - sign * 3, y + 13, z) for x, y, z in way])], 2)
        parts += [
            Part(f"iliac_artery_{side}", "artery", Tube(artery, 6)),
            Part(f"iliac_vena_{side}", "vein", Tube(vein, 7.5)),
        ]
        carotid = [(sign * 9, -12, 262), (sign * 22, -8, 330), (sign * 27, -4, 400), (sign * 30, 2, 470)]
        jugular = [(sign * 22, -24, 270), (sign * 34, -12, 350), (sign * 37, 2, 420), (sign * 36, 10, 490)]
        parts += [
            Part(f"common_carotid_artery_{side}", "artery", Tube(at(f"common_carotid_artery_{side}", carotid), 4.5)),
            Part(None, "vein", Tube(jugular, 6)),
        ]
    return parts


def breasts(traits: Traits) -> list[Part]:
    """Glandular tissue in the fat in front of the chest."""
    if traits.sex == "male":
        return []
    return [Part(None, "mucosa", Ellipsoid((s * 72, -98, 170), (28, 12, 30))) for s in (-1, 1)]


def effusion(traits: Traits, side: str) -> list[Part]:
    """Fluid behind the lung."""
    sign = SIDES[side]
    level = HalfSpace((0, 56, 150), (0, -1, 0.22))
    shape = Intersection([Ellipsoid((sign * 84, 12, 180), (68, 100, 160), power=2.5), level, CHEST_WALL])
    dome = Ellipsoid(traits.at("liver", (sign * 68, -6, 8)), (92, 98, 110), power=2.3)
    return [Part(None, "fluid", Difference(shape, dome), lesion=f"pleural_effusion_{side}")]


def lungs(traits: Traits) -> list[Part]:
    """Both lungs: painted first, because everything else of the chest lies over them."""
    return [part for side in SIDES for part in lung(traits, side)]


def organs(traits: Traits) -> list[Part]:
    """All of them but the lungs, in painting order."""
    return [*mediastinum(traits), *heart(traits), *great_vessels(traits), *breasts(traits)]
