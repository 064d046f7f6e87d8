"""Brings nnU-Net's intensities to those that a bundle's encoder was pretrained on, inside the network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nnunetv2_mosmos.transfer.normalization import InputAffine


class InputScaling(nn.Module):
    """`scale * x + shift` per channel, in training and prediction alike; nothing where there is nothing to change.

    Args:
        affine: one scale and one shift a channel, or None.
        dim: 2 or 3.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, affine: InputAffine | None, dim: int) -> None:
        super().__init__()
        self.changes = affine is not None
        if affine is not None:
            shape = (1, -1) + (1,) * dim
            # They follow from the settings; a checkpoint need not carry them.
            self.register_buffer("scale", torch.tensor(affine.scale).view(shape), persistent=False)
            self.register_buffer("shift", torch.tensor(affine.shift).view(shape), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scale `(B, C, *S)`."""
        return x * self.scale + self.shift if self.changes else x
