"""Organs of the pelvis."""

from __future__ import annotations

from pretraining.phantom.compound import Grown, Intersection
from pretraining.phantom.shapes import Ellipsoid, Gyroid, Tube, spline
from pretraining.phantom.traits import Part, Traits


def rectum(traits: Traits) -> list[Part]:
    """In front of the sacrum down to the anal canal."""
    way = traits.path("rectum", [(4, 62, -215), (0, 72, -250), (0, 58, -292), (0, 62, -325)])
    shape = Tube(spline(way, 2), [19 * traits["rectum"].size, 21, 22, 21, 20, 16, 12])
    gas = Intersection([Grown(shape, -8), Gyroid(100, 0.0, traits["rectum"].phase)])
    return [Part("rectum", "bowel_wall", shape), Part("rectum", "rectum", Grown(shape, -4)), Part("rectum", "gas", gas)]


def bladder(traits: Traits) -> list[Part]:
    """Behind the symphysis, as full as it happens to be."""
    if not traits.has("urinary_bladder"):
        return []
    shape = traits.ellipsoid("urinary_bladder", (0, -24, -266), (42, 34, 31), power=2.3)
    return [
        Part("urinary_bladder", "bowel_wall", shape, core=Ellipsoid(shape.center, tuple(0.7 * r for r in shape.radii))),
        Part("urinary_bladder", "urine", Grown(shape, -3)),
    ]


def genital(traits: Traits) -> list[Part]:
    """Prostate and seminal vesicles, or uterus and ovaries."""
    if traits.sex == "male":
        if not traits.has("prostate"):
            return []
        gland = traits.ellipsoid("prostate", (0, 6, -306), (24, 18, 19))
        vesicles = [Ellipsoid((s * 20, 28, -276), (18, 7, 7), (0, 0, s * 15)) for s in (-1, 1)]
        return [*(Part(None, "fluid", v) for v in vesicles), Part("prostate", "prostate", gland, core=gland)]
    parts = [Part(None, "uterus", Ellipsoid((s * 50, 18, -228), (13, 9, 15))) for s in (-1, 1)]
    if traits.has("uterus"):
        womb = traits.ellipsoid("uterus", (3, 20, -232), (29, 24, 38), (38, 0, 0))
        cavity = Ellipsoid(womb.center, (14, 5, 20), (38, 0, 0))
        parts += [Part("uterus", "uterus", womb, core=womb), Part("uterus", "mucosa", cavity)]
    return parts


def organs(traits: Traits) -> list[Part]:
    """All of them in painting order."""
    return [*rectum(traits), *genital(traits), *bladder(traits)]
