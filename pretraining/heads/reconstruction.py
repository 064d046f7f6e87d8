"""Masked reconstruction: what an image looks like where it is hidden, for all that reports never mention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

# A hidden square of this many map positions a side cannot be read off its rim.
PATCH_POSITIONS = 2


class MaskedReconstruction(nn.Module):
    r"""Predicts hidden patches from an encoder's features, by one linear layer a stage (SimMIM, Xie et al., 2022).

    .. math:: L = \frac{1}{|M|} \sum_{p \in M} (\hat x_p - x_p)^2

    over the hidden positions M of the normalized image.

    Args:
        input_channels: channels C of the image.
        channels: channels of each encoder stage.
        strides: cumulative strides of each stage, per axis.
        map_stage: the first stage that predicts; later ones are added on its grid.
        masked_fraction: share of the patches that are hidden.
    """

    def __init__(
        self,
        input_channels: int,
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        map_stage: int,
        masked_fraction: float,
    ) -> None:
        super().__init__()
        self.stride = tuple(int(step) for step in strides[map_stage])
        self.map_stage = map_stage
        self.masked_fraction = masked_fraction
        values = input_channels * int(torch.tensor(self.stride).prod())
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[len(self.stride)]
        self.laterals = nn.ModuleList(convolution(width, values, 1) for width in channels[map_stage:])

    def forward(self, images: Tensor, encoder: nn.Module) -> Tensor:
        """The error of each study.

        Args:
            images: `(B, C, *S)`, or `(B, V, C, *S)` for several views a study.
            encoder: maps `(B, C, *S)` to features, one a stage.

        Returns:
            `(B,)` in fp32: mean squared error over the hidden positions.
        """
        flat = images.flatten(0, images.ndim - len(self.stride) - 2)
        targets = self.patches(flat)
        hidden = self.draw(flat)
        grid = targets.shape[2:]
        visible = functional.interpolate((~hidden).to(flat.dtype).unsqueeze(1), size=flat.shape[2:], mode="nearest")
        features = encoder(flat * visible)[self.map_stage :]
        predicted = sum(
            functional.interpolate(lateral(feature), size=grid, mode="nearest").float()
            for lateral, feature in zip(self.laterals, features, strict=True)
        )
        errors = (predicted - targets.float()).square().mean(1) * hidden
        errors = errors.flatten(1).sum(1) / hidden.flatten(1).sum(1).clamp(min=1)
        return errors.unflatten(0, (len(images), -1)).mean(1)

    def draw(self, images: Tensor) -> Tensor:
        """`(B, *G)` boolean: the hidden positions of the map grid. Evaluation hides the same ones every time."""
        grid = [size // step for size, step in zip(images.shape[2:], self.stride, strict=True)]
        blocks = [-(-size // PATCH_POSITIONS) for size in grid]
        generator = None if self.training else torch.Generator(images.device).manual_seed(0)
        order = torch.rand(len(images), *blocks, generator=generator, device=images.device).flatten(1).argsort(1)
        # At least one patch is hidden, and one shown.
        count = min(max(1, round(self.masked_fraction * order.shape[1])), max(1, order.shape[1] - 1))
        hidden = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, :count], True)
        hidden = hidden.view(len(images), *blocks)
        for axis, size in enumerate(grid, start=1):
            hidden = hidden.repeat_interleave(PATCH_POSITIONS, axis).narrow(axis, 0, size)
        return hidden

    def patches(self, images: Tensor) -> Tensor:
        """`(B, C * prod(stride), *G)` from `(B, C, *S)`: the values below each position of the map grid."""
        for axis, step in enumerate(self.stride):
            images = images.unflatten(2 + 2 * axis, (-1, step))
        dim = len(self.stride)
        grid_axes, inner_axes = range(2, 2 + 2 * dim, 2), range(3, 3 + 2 * dim, 2)
        return images.permute(0, 1, *inner_axes, *grid_axes).flatten(1, 1 + dim)
