"""Pixel-tag attention maps of whole images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretraining.bundle.bundle import Bundle
from pretraining.bundle.network import BundleNetwork
from pretraining.errors import UserError
from pretraining.image.fit import Fit, apply_fit, undo_fit
from pretraining.maps.zero_shot import FreeTexts

SLICES_AT_ONCE = 16


@dataclass(frozen=True)
class ImageMaps:
    """The maps of one image, brought to its own grid when they are asked for: a CT with many tags fills any memory.

    Attributes:
        grids: `(K, N, *G)` cosines on the network's grid; N is 1, or the number of slices that were read one by one.
        fit: an image's place in the network's input.
        probability: `(K,)`, the recognition head's; for a volume read slice by slice, the highest of its slices.
        sliced: whether N counts slices.
    """

    grids: Tensor
    fit: Fit
    probability: NDArray[np.float32]
    sliced: bool

    def map(self, index: int) -> NDArray[np.float32]:
        """One tag's map: `(*S,)` cosines in [-1, 1] on the image's own grid."""
        values = undo_fit(self.grids[index], self.fit).numpy()
        return np.asarray(values if self.sliced else values[0], np.float32)

    @property
    def maps(self) -> NDArray[np.float32]:
        """All of them, `(K, *S)`."""
        return np.stack([self.map(index) for index in range(len(self.grids))])


class AttentionMapper:
    """Makes maps with a bundle's own encoder.

    Args:
        bundle: what `export` wrote.
        tags: which tags.
        device: where to compute.
        texts: what to look for besides.

    Attributes:
        names: what each map shows: tags, then free texts.
        kinds: for each, `trained`, `untrained` (a tag of the vocabulary that no training report named) or `zero-shot`.
        nearest: for each free text the nearest tags with their cosines; nothing for a tag.
    """

    def __init__(
        self, bundle: Bundle, tags: Sequence[str], device: torch.device, texts: FreeTexts | None = None
    ) -> None:
        self.info = bundle.info
        phrases = texts.texts if texts else ()
        self.names = (*tags, *phrases)
        trained = {tag.id for tag in bundle.info.tags if tag.studies}
        self.kinds = (*("trained" if tag in trained else "untrained" for tag in tags), *["zero-shot"] * len(phrases))
        self.nearest = (*[()] * len(tags), *(texts.nearest if texts else ()))
        self.device = device
        self.network = BundleNetwork(bundle, tags, texts.embeddings if texts else None).to(device)

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
        if image.ndim - 1 < self.info.dim:
            raise UserError(
                "the bundle is 3D and the image 2D; give volumes, or a bundle that was pretrained on images"
            )
        sliced = image.ndim - 1 > self.info.dim
        images = [image[:, position] for position in range(image.shape[1])] if sliced else [image]
        fit = self.info.view.fit(images[0].shape[1:], spacing[1:] if spacing is not None and sliced else spacing)
        found = [self._find(images[at : at + SLICES_AT_ONCE], fit) for at in range(0, len(images), SLICES_AT_ONCE)]
        logits = torch.cat([one for one, _ in found])
        return ImageMaps(
            grids=torch.cat([one for _, one in found]).transpose(0, 1),
            fit=fit,
            probability=torch.sigmoid(logits).amax(0).numpy(),
            sliced=sliced,
        )

    def _find(self, images: Sequence[NDArray[Any]], fit: Fit) -> tuple[Tensor, Tensor]:
        """Logits `(N, K)` and maps `(N, K, *G)` of images of one shape."""
        batch = torch.stack([apply_fit(self.info.normalization(image), fit) for image in images])
        found = self.network(batch.to(self.device))
        return found.logits.float().cpu(), found.maps.float().cpu()
