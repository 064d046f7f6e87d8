"""Implicit shapes in patient millimetres: each answers with the approximate signed distance to its surface.

Negative inside, positive outside, accurate near the surface (first-order for superellipsoids), which is all that
anti-aliased painting needs. Everything is vectorised over broadcastable coordinate arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Vector = Sequence[float]

_FAR = 30.0
"""Distances need not be exact beyond this, mm: nothing is grown or blended by more."""


class Points(NamedTuple):
    """Positions to evaluate, mm in the body's own frame (x to the patient's left, y to posterior, z to superior).

    Attributes:
        x, y, z: arrays that broadcast to one `(Z, Y, X)`.
        depth: signed distance to the skin in the axial plane, mm, negative inside; same broadcast shape.
    """

    x: Array
    y: Array
    z: Array
    depth: Array


class Shape(Protocol):
    """A region of space."""

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest corner `(3,)` of a box (x, y, z in mm) that holds the shape."""

    def distance(self, points: Points) -> Array:
        """Signed distance to the surface in mm, `(Z, Y, X)`, negative inside."""


def rotation(degrees: Vector) -> Array:
    """The matrix `(3, 3)` that turns by the given angles about x, then y, then z."""
    a, b, c = np.deg2rad(degrees)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return (about_z @ about_y @ about_x).astype(np.float32)


@dataclass(frozen=True)
class Ellipsoid:
    """A superellipsoid: the unit ball of the p-norm, stretched, turned and moved.

    Attributes:
        center: mm. radii: semi-axes, mm. turn: degrees about x, y, z. power: p of the norm; 2 is an ellipsoid, larger
            is boxier.
    """

    center: Vector
    radii: Vector
    turn: Vector = (0.0, 0.0, 0.0)
    power: float = 2.0

    @cached_property
    def _axes(self) -> Array | None:
        return rotation(self.turn) if any(self.turn) else None

    @property
    def bounds(self) -> tuple[Array, Array]:
        center, radii = np.asarray(self.center, np.float32), np.asarray(self.radii, np.float32)
        if self._axes is None:
            reach = radii
        elif self.power == 2:
            reach = np.sqrt(((self._axes * radii) ** 2).sum(1))
        else:
            reach = np.abs(self._axes) @ radii
        return center - reach, center + reach

    def distance(self, points: Points) -> Array:
        local = [p - np.float32(c) for p, c in zip(points[:3], self.center, strict=True)]
        if self._axes is not None:
            local = [sum(m * q for m, q in zip(row, local, strict=True)) for row in self._axes.T]
        scaled = [np.abs(q) / np.float32(r) for q, r in zip(local, self.radii, strict=True)]
        inverse = [np.float32(1 / r) for r in self.radii]
        if self.power == 2:
            norm = np.sqrt(sum(u * u for u in scaled))
            slope = np.sqrt(sum((u * i) ** 2 for u, i in zip(scaled, inverse, strict=True)))
            return (norm - 1) * norm / (slope + np.float32(1e-6))
        power = np.float32(self.power)
        # u^(p-1) once, the rest by products: np.power is the cost here.
        lower = [np.power(u, power - 1) for u in scaled]
        norm = np.power(sum(u * w for u, w in zip(scaled, lower, strict=True)), 1 / power)
        slope = np.sqrt(sum((w * i) ** 2 for w, i in zip(lower, inverse, strict=True)))
        return (norm - 1) * np.power(norm, power - 1) / (slope + np.float32(1e-6))


@dataclass(frozen=True)
class Tube:
    """A chain of round cones along a polyline.

    Attributes:
        path: `(N, 3)` points, mm. radii: one, or one for each point, mm. stretch: per-axis factor of the cross-
            section (x, y, z).
    """

    path: Sequence[Vector]
    radii: float | Sequence[float] | NDArray[np.float64]
    stretch: Vector = (1.0, 1.0, 1.0)

    @cached_property
    def _radii(self) -> Array:
        return np.broadcast_to(np.asarray(self.radii, np.float32), (len(self.path),))

    @property
    def bounds(self) -> tuple[Array, Array]:
        path = np.asarray(self.path, np.float32)
        reach = self._radii[:, None] * np.asarray(self.stretch, np.float32)
        return (path - reach).min(0), (path + reach).max(0)

    def distance(self, points: Points) -> Array:
        stretch = np.asarray(self.stretch, np.float32)
        path = np.asarray(self.path, np.float32) / stretch
        x, y, z = (p if s == 1 else p / s for p, s in zip(points[:3], stretch, strict=True))
        if len(path) < 2:
            raise ValueError(f"a tube needs two points, this one has {len(path)}")
        nearest: Array | None = None
        bottom, top = float(z.min()), float(z.max())
        for start, end, first, last in zip(path, path[1:], self._radii, self._radii[1:], strict=False):
            reach = max(first, last) + _FAR
            if min(start[2], end[2]) - reach > top or max(start[2], end[2]) + reach < bottom:
                continue
            along = end - start
            length = max(float(along @ along), 1e-6)
            dx, dy, dz = x - start[0], y - start[1], z - start[2]
            t = np.clip((dx * along[0] + dy * along[1] + dz * along[2]) / np.float32(length), 0, 1)
            gap = np.sqrt((dx - t * along[0]) ** 2 + (dy - t * along[1]) ** 2 + (dz - t * along[2]) ** 2)
            gap -= first + t * (last - first)
            nearest = gap if nearest is None else np.minimum(nearest, gap)
        return np.full(np.broadcast_shapes(x.shape, y.shape, z.shape), _FAR, np.float32) if nearest is None else nearest


@dataclass(frozen=True)
class HalfSpace:
    """Everything on the far side of a plane: points p with `normal . (p - point) <= 0` are inside."""

    point: Vector
    normal: Vector

    @property
    def bounds(self) -> tuple[Array, Array]:
        return np.full(3, -np.inf, np.float32), np.full(3, np.inf, np.float32)

    def distance(self, points: Points) -> Array:
        normal = np.asarray(self.normal, np.float32)
        normal = normal / np.linalg.norm(normal)
        offset = np.float32(normal @ np.asarray(self.point, np.float32))
        return points.x * normal[0] + points.y * normal[1] + points.z * normal[2] - offset


@dataclass(frozen=True)
class UnderSkin:
    """The body at least `margin` mm under the skin."""

    margin: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        return np.full(3, -np.inf, np.float32), np.full(3, np.inf, np.float32)

    def distance(self, points: Points) -> Array:
        return points.depth + np.float32(self.margin)


@dataclass(frozen=True)
class Stack:
    """Slabs of `thickness` mm that repeat along z between the given heights: discs between vertebrae, ribs.

    Attributes:
        heights: z of the middle of each slab, mm, at y = `pivot`. slope: how far a slab sinks for each mm that y
            falls below the pivot.
    """

    heights: Sequence[float]
    thickness: float
    slope: float = 0.0
    pivot: float = 0.0

    @property
    def bounds(self) -> tuple[Array, Array]:
        low, high = np.full(3, -np.inf, np.float32), np.full(3, np.inf, np.float32)
        if not self.slope:
            low[2], high[2] = min(self.heights) - self.thickness, max(self.heights) + self.thickness
        return low, high

    def distance(self, points: Points) -> Array:
        z = points.z
        if self.slope:
            z = z + np.float32(self.slope) * (np.float32(self.pivot) - points.y)
        heights = np.sort(np.asarray(self.heights, np.float32))
        middle = (heights[1:] + heights[:-1]) / 2
        nearest = heights[np.searchsorted(middle, z)]
        return np.abs(z - nearest) - np.float32(self.thickness / 2)


def spline(points: Sequence[Vector], steps: int = 3) -> list[tuple[float, ...]]:
    """Catmull-Rom curve through `points` with `steps` segments between neighbours, `((N-1) * steps + 1, 3)`."""
    knots = np.asarray([points[0], *points, points[-1]], np.float64)
    curve = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(knots, knots[1:], knots[2:], knots[3:], strict=False)
        for t in np.arange(steps) / steps
    ]
    return [tuple(p) for p in [*curve, knots[-1]]]


@dataclass(frozen=True)
class Gyroid:
    """A periodic maze that fills all space: loops of bowel, pyramids of the kidney, pockets of gas.

    Attributes:
        length: period, mm. level: between -1.5 (nothing) and 1.5 (everything); 0 fills half. phase: radians.
        bend: radians by which the maze wanders, 0 for a strictly periodic one.
    """

    length: float
    level: float
    phase: Vector
    bend: float = 0.0

    @property
    def bounds(self) -> tuple[Array, Array]:
        return np.full(3, -np.inf, np.float32), np.full(3, np.inf, np.float32)

    def distance(self, points: Points) -> Array:
        rate = np.float32(2 * np.pi / self.length)
        angles = [rate * p + np.float32(a) for p, a in zip(points[:3], self.phase, strict=True)]
        if self.bend:
            wander = [np.sin(np.float32(0.53) * a + np.float32(1.7 * i)) for i, a in enumerate(angles)]
            angles = [a + np.float32(self.bend) * wander[i - 1] for i, a in enumerate(angles)]
        sines, cosines = [np.sin(a) for a in angles], [np.cos(a) for a in angles]
        maze = sum(s * cosines[(i + 1) % 3] for i, s in enumerate(sines))
        return (maze - np.float32(self.level)) / (np.float32(1.2) * rate)
