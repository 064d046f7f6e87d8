import numpy as np
import pytest

from pretraining.phantom.compound import Difference, Grown, Intersection, Lumpy, Shell, Union
from pretraining.phantom.shapes import Ellipsoid, Gyroid, HalfSpace, Points, Stack, Tube, UnderSkin, spline


def at(*positions):
    x, y, z = np.asarray(positions, np.float32).T[:, :, None, None]
    return Points(x, y, z, np.zeros_like(x))


def sampled_distance(shape, position):
    """Distance to the nearest sign change, by brute force along many rays."""
    rng = np.random.default_rng(0)
    rays = rng.normal(size=(4000, 3))
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    steps = np.linspace(0, 12, 241)
    points = np.asarray(position) + rays[:, None] * steps[None, :, None]
    x, y, z = np.moveaxis(points.astype(np.float32), -1, 0)[..., None]
    signs = shape.distance(Points(x, y, z, np.zeros_like(x)))[..., 0] > 0
    crossings = signs != signs[:, :1]
    first = np.where(crossings.any(1), crossings.argmax(1), len(steps) - 1)
    return steps[first].min()


SHAPES = {
    "ball": Ellipsoid((1, 2, 3), (20, 20, 20)),
    "ellipsoid": Ellipsoid((0, 0, 0), (30, 20, 25), (10, 20, 30)),
    "box-like": Ellipsoid((0, 0, 0), (20, 20, 20), power=4),
    "tube": Tube([(0, 0, -40), (10, 0, 0), (0, 20, 40)], [8, 12, 10]),
    "union": Union([Ellipsoid((-10, 0, 0), (15, 15, 15)), Ellipsoid((12, 0, 0), (15, 15, 15))]),
    "shell": Shell(Ellipsoid((0, 0, 0), (25, 25, 25)), 5),
}


@pytest.mark.parametrize("name", SHAPES)
def test_distance_is_close_to_the_true_one_near_the_surface(name):
    shape = SHAPES[name]
    low, high = shape.bounds
    rng = np.random.default_rng(1)
    tested = 0
    while tested < 6:
        position = rng.uniform(low, high)
        distance = float(shape.distance(at(position)).item())
        if abs(distance) > 4:
            continue
        assert sampled_distance(shape, position) == pytest.approx(abs(distance), abs=1.0)
        tested += 1


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_of_a_shape_lies_outside_its_bounds(name):
    shape = SHAPES[name]
    axis = np.linspace(-80, 80, 41, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = shape.distance(Points(x, y, z, np.zeros_like(x))) < 0
    positions = np.stack([x, y, z], -1)[inside]
    low, high = shape.bounds
    assert len(positions) > 50
    assert (positions >= low - 1e-3).all()
    assert (positions <= high + 1e-3).all()


def test_compounds_follow_set_algebra():
    left, right = Ellipsoid((-5, 0, 0), (10, 10, 10)), Ellipsoid((5, 0, 0), (10, 10, 10))
    points = at((-12, 0, 0), (0, 0, 0), (12, 0, 0), (30, 0, 0))

    def inside(shape):
        return (shape.distance(points) < 0).ravel().tolist()

    assert inside(Union([left, right])) == [True, True, True, False]
    assert inside(Intersection([left, right])) == [False, True, False, False]
    assert inside(Difference(left, right)) == [True, False, False, False]
    assert inside(Grown(left, 20)) == [True, True, True, False]
    assert inside(HalfSpace((0, 0, 0), (1, 0, 0))) == [True, False, False, False]


def test_blend_only_adds_at_the_seam():
    parts = [Ellipsoid((-9, 0, 0), (10, 10, 10)), Ellipsoid((9, 0, 0), (10, 10, 10))]
    seam, pole = at((0, 6, 0)), at((-18, 0, 0))
    assert Union(parts, 8).distance(seam).item() < Union(parts).distance(seam).item()
    assert Union(parts, 8).distance(pole).item() == pytest.approx(Union(parts).distance(pole).item())


def test_gyroid_level_sets_the_filled_share():
    axis = np.linspace(0, 200, 60, dtype=np.float32)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    points = Points(x, y, z, x)
    shares = [(Gyroid(40, level, (0, 0, 0)).distance(points) < 0).mean() for level in (-1.0, 0.0, 1.0)]
    assert shares[0] < 0.25 < 0.75 < shares[2]
    assert shares[1] == pytest.approx(0.5, abs=0.03)


def test_stack_has_its_slabs_at_the_given_heights_and_slants():
    slabs = Stack([0, 30, 70], 10, slope=0.5, pivot=0)
    assert (slabs.distance(at((0, 0, 0), (0, 0, 15), (0, 0, 30), (0, 0, 66))).ravel() < 0).tolist() == [
        True,
        False,
        True,
        True,
    ]
    assert slabs.distance(at((0, -20, -10))).item() < 0, "30 mm in front the slab is 10 mm lower"


def test_lumps_stay_within_their_height():
    ball = Ellipsoid((0, 0, 0), (20, 20, 20))
    points = at(*np.random.default_rng(0).uniform(-25, 25, (200, 3)))
    change = Lumpy(ball, 3, 15, (0, 1, 2)).distance(points) - ball.distance(points)
    assert np.abs(change).max() <= 3.0 + 1e-4
    assert change.std() > 0.5


def test_under_skin_measures_depth():
    x = np.zeros((1, 1, 3), np.float32)
    depth = np.array([[[-20, -10, 5]]], np.float32)
    assert (UnderSkin(12).distance(Points(x, x, x, depth)) < 0).ravel().tolist() == [True, False, False]


def test_spline_passes_through_its_points():
    points = [(0, 0, 0), (10, 5, 0), (20, 0, 10)]
    curve = spline(points, 4)
    assert len(curve) == 9
    assert np.allclose([curve[0], curve[4], curve[8]], points)


def test_a_tube_of_one_point_is_refused():
    with pytest.raises(ValueError, match="two points"):
        Tube([(0, 0, 0)], 5).distance(at((0, 0, 0)))
