"""From mean tissue signal to an image: texture, blur, noise, coil shading, intensity scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pretraining.phantom.acquisition import Scan
from pretraining.phantom.render import Painting
from pretraining.phantom.tissues import TISSUES

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How images of one population look.

    Attributes:
        ct_noise: range of the noise, HU. mr_noise: likewise, as a share of the brightest tissue.
        texture: factor of each tissue's texture. spread: factor of the variation of tissue intensities between studies.
        shading: range of the MR coil shading (relative amplitude). blur: range of the blur, voxels (standard
            deviation).
        window_low, window_high: range of the limits, HU, between which CT slices become 8-bit pictures.
    """

    ct_noise: tuple[float, float] = (8.0, 26.0)
    mr_noise: tuple[float, float] = (0.015, 0.05)
    texture: float = 1.0
    spread: float = 1.0
    shading: tuple[float, float] = (0.08, 0.35)
    blur: tuple[float, float] = (0.0, 0.6)
    window_low: tuple[float, float] = (-220.0, -140.0)
    window_high: tuple[float, float] = (220.0, 320.0)


def draw_values(rng: np.random.Generator, scan: Scan, look: Look) -> dict[str, float]:
    """Mean intensity of each tissue in this study: HU for CT, signal for MR."""
    deviations = rng.normal(0, look.spread, len(TISSUES))
    if scan.modality == "CT":
        # Contrast timing moves all enhancing tissue together.
        timing = float(np.clip(rng.normal(1, 0.14 * look.spread), 0.6, 1.4))
        return {
            name: t.ct[0] + (t.ct[scan.contrast] - t.ct[0]) * timing + t.ct_spread * d
            for (name, t), d in zip(TISSUES.items(), deviations, strict=True)
        }
    return {
        name: max(t.mr[scan.contrast] + t.mr_spread * d, 0.0)
        for (name, t), d in zip(TISSUES.items(), deviations, strict=True)
    }


def smooth_field(rng: np.random.Generator, scan: Scan, length: float) -> Array:
    """Random field `(Z, Y, X)` with unit variance at its knots, which are `length` mm apart, linear in between."""
    grid = scan.grid
    knots = [int(np.ceil(n * s / length)) + 2 for n, s in zip(grid.size, grid.spacing, strict=True)]
    field = rng.standard_normal(knots, np.float32)
    for axis, (count, spacing) in enumerate(zip(grid.size, grid.spacing, strict=True)):
        position = np.arange(count) * spacing / length
        lower = position.astype(int)
        share = (position - lower).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(3)])
        field = np.take(field, lower, axis) * (1 - share) + np.take(field, lower + 1, axis) * share
    return field


def expose(painting: Painting, scan: Scan, look: Look, rng: np.random.Generator) -> NDArray[np.int16]:
    """The image `(Z, Y, X)`: CT in HU, MR in arbitrary units from 0 up."""
    ct = scan.modality == "CT"
    amplitudes = np.array([look.texture * (t.ct_texture if ct else t.mr_texture) for t in TISSUES.values()], np.float32)
    texture = 0.9 * smooth_field(rng, scan, 11.0) + 0.9 * smooth_field(rng, scan, 4.5)
    image = painting.signal + amplitudes[painting.tissue] * texture
    blur = float(rng.uniform(*look.blur))
    if blur > 0.25:
        image = ndimage.gaussian_filter(image, (0, blur, blur), truncate=2.5)
    noise = [rng.standard_normal(image.shape, np.float32) for _ in range(1 if ct else 2)]
    if ct:
        # The reconstruction filter leaves noise that is correlated in plane.
        level = np.float32(rng.uniform(*look.ct_noise))
        grain = noise[0] + np.roll(noise[0], 1, 1) * 0.5 + np.roll(noise[0], 1, 2) * 0.5
        return np.clip(image + level * grain / np.float32(1.22), -1024, 3071).astype(np.int16)
    level = np.float32(rng.uniform(*look.mr_noise))
    shading = np.exp(np.float32(rng.uniform(*look.shading)) * smooth_field(rng, scan, 220.0))
    magnitude = np.hypot(image * shading + level * noise[0], level * noise[1])
    return np.clip(magnitude * rng.uniform(350, 1300), 0, 32767).astype(np.int16)


def to_bytes(image: NDArray[np.int16], scan: Scan, look: Look, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The image as a picture with grey values 0..255: CT through a window, MR between its percentiles."""
    window = [rng.uniform(*limits) for limits in (look.window_low, look.window_high)]
    low, high = window if scan.modality == "CT" else np.percentile(image, (1, 99.5))
    return np.round(np.clip((image - low) / max(high - low, 1), 0, 1) * 255).astype(np.uint8)
