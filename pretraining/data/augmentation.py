"""Augmentation as nnU-Net does it, minus what would make a report untrue."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

# A tag holds for the whole study: the view shrinks to 90 % at most, and never flips, for reports say left and right.
SCALING = (0.9, 1.2)
ROTATION = (-math.radians(10), math.radians(10))


class Augmentation:
    """Rotation, scaling, noise, brightness, contrast, gamma.

    Args:
        size: the input's shape.
    """

    def __init__(self, size: tuple[int, ...]) -> None:
        from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
        from batchgeneratorsv2.transforms.intensity.contrast import BGContrast, ContrastTransform
        from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
        from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
        from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
        from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
        from batchgeneratorsv2.transforms.utils.random import RandomTransform

        spatial = SpatialTransform(
            size,
            patch_center_dist_from_border=0,
            random_crop=False,
            p_rotation=0.5,
            rotation=ROTATION,
            p_scaling=0.5,
            scaling=SCALING,
            p_synchronize_scaling_across_axes=1,
            padding_mode_image="border",
        )
        brightness = MultiplicativeBrightnessTransform(BGContrast((0.8, 1.25)), synchronize_channels=True)
        contrast = ContrastTransform(BGContrast((0.75, 1.25)), preserve_range=True, synchronize_channels=True)
        gamma = GammaTransform(
            BGContrast((0.7, 1.5)), p_invert_image=0, synchronize_channels=True, p_per_channel=1, p_retain_stats=1
        )
        self.transform = ComposeTransforms(
            [
                spatial,
                RandomTransform(GaussianNoiseTransform((0, 0.05)), apply_probability=0.1),
                RandomTransform(brightness, apply_probability=0.3),
                RandomTransform(contrast, apply_probability=0.3),
                RandomTransform(gamma, apply_probability=0.3),
            ]
        )

    def __call__(self, image: Tensor, seed: tuple[int, ...]) -> Tensor:
        """Augment one image.

        Args:
            image: `(C, *size)`.
            seed: numbers that decide everything random, e.g. (run, epoch, study).

        Returns:
            The same shape.
        """
        with seeded(seed):
            augmented: Tensor = self.transform(image=image)["image"]
        return augmented.contiguous()


@contextmanager
def seeded(seed: tuple[int, ...]) -> Iterator[None]:
    """Inside, NumPy's and torch's global generators start from `seed`; outside, they go on undisturbed."""
    numbers = np.random.SeedSequence(seed).generate_state(2)
    # batchgeneratorsv2 draws from NumPy's global generator.
    numpy_state, torch_state = np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002
    try:
        np.random.seed(int(numbers[0]))  # noqa: NPY002
        torch.random.default_generator.manual_seed(int(numbers[1]))
        yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        torch.random.set_rng_state(torch_state)
