"""Pixel-tag attention maps of whole images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pretraining.bundle.bundle import Bundle
from pretraining.bundle.network import BundleNetwork
from pretraining.errors import UserError
from pretraining.image.fit import apply_fit, undo_fit

SLICES_AT_ONCE = 16


@dataclass(frozen=True)
class ImageMaps:
    """The maps of one image.

    Attributes:
        maps: `(K, *S)` cosines in [-1, 1], on the image's own grid.
        probability: `(K,)`, the recognition head's; for a volume read slice by slice, the highest of its slices.
    """

    maps: NDArray[np.float32]
    probability: NDArray[np.float32]


class AttentionMapper:
    """Makes maps with a bundle's own encoder.

    Args:
        bundle: what `export` wrote.
        tags: which tags.
        device: where to compute.
    """

    def __init__(self, bundle: Bundle, tags: Sequence[str], device: torch.device) -> None:
        self.info = bundle.info
        self.tags = tuple(tags)
        self.device = device
        self.network = BundleNetwork(bundle, tags).to(device)

    def __call__(self, image: NDArray[Any], spacing: Sequence[float] | None = None) -> ImageMaps:
        """Maps of an image.

        A 2D bundle reads a volume slice by slice along its first spatial axis.

        Args:
            image: `(C, *S)`, intensities as stored, in the orientation that pretraining used.
            spacing: mm an axis of S, where known.

        Raises:
            UserError: another number of channels, or a picture for a 3D bundle.
        """
        if image.shape[0] != self.info.encoder.input_channels:
            raise UserError(
                f"the image has {image.shape[0]} channel(s), the bundle reads {self.info.encoder.input_channels}; give "
                "images with the channels that pretraining had"
            )
        if image.ndim - 1 == self.info.dim:
            return self._whole([image], spacing)[0]
        if image.ndim - 1 < self.info.dim:
            raise UserError(
                "the bundle is 3D and the image 2D; give volumes, or a bundle that was pretrained on images"
            )
        in_plane = None if spacing is None else spacing[1:]
        slices = [image[:, position] for position in range(image.shape[1])]
        found = [
            maps
            for start in range(0, len(slices), SLICES_AT_ONCE)
            for maps in self._whole(slices[start : start + SLICES_AT_ONCE], in_plane)
        ]
        return ImageMaps(np.stack([one.maps for one in found], 1), np.max([one.probability for one in found], 0))

    def _whole(self, images: list[NDArray[Any]], spacing: Sequence[float] | None) -> list[ImageMaps]:
        fit = self.info.view.fit(images[0].shape[1:], spacing)
        batch = torch.stack([apply_fit(self.info.normalization(image), fit) for image in images])
        found = self.network(batch.to(self.device))
        probability = torch.sigmoid(found.logits).cpu().numpy()
        maps = found.maps.cpu()
        return [
            ImageMaps(undo_fit(one, fit).numpy().astype(np.float32), chance)
            for one, chance in zip(maps, probability, strict=True)
        ]
