"""Shapes made of shapes: unions, intersections, differences, shells, grown and lumpy ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pretraining.phantom.shapes import Array, Points, Shape, Vector


@dataclass(frozen=True)
class Union:
    """Any of the shapes, with the seams rounded over `blend` mm (polynomial smooth minimum)."""

    shapes: Sequence[Shape]
    blend: float = 0.0

    @property
    def bounds(self) -> tuple[Array, Array]:
        low, high = zip(*(s.bounds for s in self.shapes), strict=True)
        return np.min(low, 0) - self.blend / 4, np.max(high, 0) + self.blend / 4

    def distance(self, points: Points) -> Array:
        total = self.shapes[0].distance(points)
        for shape in self.shapes[1:]:
            other = shape.distance(points)
            if self.blend:
                overlap = np.clip(np.float32(self.blend) - np.abs(total - other), 0, None)
                total = np.minimum(total, other) - overlap * overlap / np.float32(4 * self.blend)
            else:
                total = np.minimum(total, other)
        return total


@dataclass(frozen=True)
class Intersection:
    """Where all the shapes are."""

    shapes: Sequence[Shape]

    @property
    def bounds(self) -> tuple[Array, Array]:
        low, high = zip(*(s.bounds for s in self.shapes), strict=True)
        return np.max(low, 0), np.min(high, 0)

    def distance(self, points: Points) -> Array:
        total = self.shapes[0].distance(points)
        for shape in self.shapes[1:]:
            total = np.maximum(total, shape.distance(points))
        return total


@dataclass(frozen=True)
class Difference:
    """`whole` without `part`."""

    whole: Shape
    part: Shape

    @property
    def bounds(self) -> tuple[Array, Array]:
        return self.whole.bounds

    def distance(self, points: Points) -> Array:
        return np.maximum(self.whole.distance(points), -self.part.distance(points))


@dataclass(frozen=True)
class Shell:
    """The wall of a shape: `thickness` mm inward from its surface."""

    shape: Shape
    thickness: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        return self.shape.bounds

    def distance(self, points: Points) -> Array:
        distance = self.shape.distance(points)
        return np.maximum(distance, -distance - np.float32(self.thickness))


@dataclass(frozen=True)
class Grown:
    """A shape grown (or shrunk, when negative) by `by` mm."""

    shape: Shape
    by: float

    @property
    def bounds(self) -> tuple[Array, Array]:
        low, high = self.shape.bounds
        return low - self.by, high + self.by

    def distance(self, points: Points) -> Array:
        return self.shape.distance(points) - np.float32(self.by)


@dataclass(frozen=True)
class Lumpy:
    """A shape whose surface goes in and out by up to `height` mm with wavelength `length` mm."""

    shape: Shape
    height: float
    length: float
    phase: Vector

    @property
    def bounds(self) -> tuple[Array, Array]:
        low, high = self.shape.bounds
        return low - self.height, high + self.height

    def distance(self, points: Points) -> Array:
        rate = np.float32(2 * np.pi / self.length)
        a, b, c = (np.float32(p) for p in self.phase)
        wave = np.sin(rate * (points.x + np.float32(0.5) * points.y) + a) + np.sin(
            rate * (points.y + np.float32(0.5) * points.z) + b
        )
        wave = wave + np.sin(rate * (points.z + np.float32(0.5) * points.x) + c)
        return self.shape.distance(points) + np.float32(self.height / 3) * wave
