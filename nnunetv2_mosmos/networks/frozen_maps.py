"""Pixel-tag attention maps of a bundle's own encoder, as pretraining left it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from nnunetv2_mosmos.networks.input_scaling import InputScaling
from nnunetv2_mosmos.settings import MapSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.image.encoder import build_encoder
from pretraining.image.pixel_projector import PixelProjector, attention_maps
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels


class FrozenMaps(nn.Module):
    """Encoder, pixel projector and tag embeddings of a bundle, which never train.

    Args:
        spec: the bundle's encoder.
        maps: tags, embedding size and map stage.
        image_channels: image channels of the dataset.
        input_affine: from nnU-Net's intensities to the bundle's.
    """

    tag_embeddings: Tensor

    def __init__(
        self, spec: EncoderSpec, maps: MapSettings, image_channels: int, input_affine: InputAffine | None
    ) -> None:
        super().__init__()
        self.dim = spec.dim
        self.image_channels = image_channels
        self.input_scaling = InputScaling(input_affine, spec.dim)
        self.encoder = build_encoder(replace(spec, input_channels=image_channels))
        self.pixel_projector = PixelProjector(
            feature_channels(spec), cumulative_strides(spec), maps.map_stage, maps.embedding_dim, spec.dim
        )
        self.register_buffer("tag_embeddings", torch.zeros(len(maps.tags), maps.embedding_dim))
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> FrozenMaps:
        """Stays in evaluation mode, whatever becomes of the network around it."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, image: Tensor) -> Tensor:
        """Maps on the encoder's map grid.

        Args:
            image: `(B, C, *S)` as nnU-Net normalizes it. A 2D encoder reads a volume slice by slice along its first
                axis, as the command `maps` does.

        Returns:
            `(B, K, *G)` in [-1, 1]; of slices, `(B, K, Z, *G)`.
        """
        if image.ndim - 2 == self.dim:
            return self._maps(image)
        slices = self._maps(image.transpose(1, 2).flatten(0, 1))
        return slices.unflatten(0, (image.shape[0], image.shape[2])).transpose(1, 2)

    def _maps(self, image: Tensor) -> Tensor:
        pixels = self.pixel_projector(self.encoder(self.input_scaling(image)))
        return attention_maps(pixels, self.tag_embeddings)
