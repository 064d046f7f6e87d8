"""UNETR's convolutional half, made of MONAI's blocks, upsampling each axis as often as its tokens need."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

FEATURE_SIZE = 16
# nnU-Net's own normalization; MONAI's UNETR leaves out the affine part.
_NORM = ("instance", {"affine": True, "eps": 1e-5})


def level_channels(hidden_size: int, levels: Sequence[Sequence[int]]) -> list[int]:
    """The channels of every level: 16, doubled at each, and the token length at the last."""
    return [FEATURE_SIZE * 2**level for level in range(len(levels) - 1)] + [hidden_size]


class UnetrSkips(nn.Module):
    """Brings the image and the transformer's taps to the decoder's levels (UNETR, Hatamizadeh et al., WACV 2022).

    The image itself makes the full resolution, the last tap the token level, and the taps before it, the deeper the
    coarser, the levels between. A transformer with more taps than there are levels leaves its first ones unused.

    Args:
        dim: 2 or 3.
        input_channels: channels of the image.
        hidden_size: length H of a token.
        levels: cumulative strides per level and axis, the first all 1, the last the token size.
    """

    def __init__(self, dim: int, input_channels: int, hidden_size: int, levels: Sequence[Sequence[int]]) -> None:
        super().__init__()
        from monai.networks.blocks.unetr_block import UnetrBasicBlock

        channels = level_channels(hidden_size, levels)
        self.image = UnetrBasicBlock(
            dim, input_channels, channels[0], kernel_size=3, stride=1, norm_name=_NORM, res_block=True
        )
        self.taps = nn.ModuleList(
            _tap_path(dim, hidden_size, channels[level], _steps(levels)[level:]) for level in range(1, len(levels) - 1)
        )

    def forward(self, image: Tensor, features: Sequence[Tensor]) -> list[Tensor]:
        """Features for each level.

        Args:
            image: `(B, C, *S)`.
            features: the encoder's, `(B, H, *G)` a tap.

        Returns:
            `(B, C_level, *S / stride)` a level, the full resolution first.
        """
        used = features[len(features) - 1 - len(self.taps) : -1]
        return [self.image(image), *(path(tap) for path, tap in zip(self.taps, used, strict=True)), features[-1]]


class UnetrDecoder(nn.Module):
    """Merges the levels from the tokens up to the full resolution.

    Args:
        dim: 2 or 3.
        hidden_size: length H of a token.
        levels: cumulative strides per level and axis, the first all 1, the last the token size.
        num_classes: output channels.
        deep_supervision: whether every level but the tokens gives an output. The heads are always built, so that one
            state dict serves both; without deep supervision all but the first are unused.
    """

    def __init__(
        self,
        dim: int,
        hidden_size: int,
        levels: Sequence[Sequence[int]],
        num_classes: int,
        deep_supervision: bool,
    ) -> None:
        super().__init__()
        from monai.networks.blocks.dynunet_block import UnetOutBlock
        from monai.networks.blocks.unetr_block import UnetrUpBlock

        self.deep_supervision = deep_supervision
        channels = level_channels(hidden_size, levels)
        self.stages = nn.ModuleList(
            UnetrUpBlock(dim, below, above, kernel_size=3, upsample_kernel_size=step, norm_name=_NORM, res_block=True)
            for (above, below), step in zip(pairwise(channels), _steps(levels), strict=True)
        )
        self.seg_layers = nn.ModuleList(UnetOutBlock(dim, count, num_classes) for count in channels[:-1])

    def forward(self, skips: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Segment.

        Args:
            skips: from `UnetrSkips`, the full resolution first.

        Returns:
            Logits `(B, num_classes, *S)`; with deep supervision a list of them, one a level, the full resolution first.
        """
        merged = skips[-1]
        outputs: list[Tensor] = []
        for level in reversed(range(len(self.stages))):
            merged = self.stages[level](merged, skips[level])
            if self.deep_supervision or level == 0:
                outputs.append(self.seg_layers[level](merged))
        return outputs[::-1] if self.deep_supervision else outputs[0]


def _steps(levels: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The upsampling per axis from each level's lower neighbor to it."""
    return [
        tuple(coarse // fine for fine, coarse in zip(above, below, strict=True)) for above, below in pairwise(levels)
    ]


def _tap_path(dim: int, hidden_size: int, channels: int, steps: Sequence[tuple[int, ...]]) -> nn.Sequential:
    """A transposed convolution, then one with a residual block for each further step.

    MONAI's `UnetrPrUpBlock` has a single upsampling size for its whole chain, so that each step is one of its own.
    """
    from monai.networks.blocks.unetr_block import UnetrBasicBlock, UnetrPrUpBlock

    layers: list[nn.Module] = []
    for index, step in enumerate(reversed(steps)):
        source = hidden_size if index == 0 else channels
        layers.append(
            UnetrPrUpBlock(
                dim, source, channels, num_layer=0, kernel_size=3, stride=1, upsample_kernel_size=step, norm_name=_NORM
            )
        )
        if index > 0:
            layers.append(
                UnetrBasicBlock(dim, channels, channels, kernel_size=3, stride=1, norm_name=_NORM, res_block=True)
            )
    return nn.Sequential(*layers)
