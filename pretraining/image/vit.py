"""The vision transformer that encodes images and volumes, made of MONAI's transformer blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor, nn
from torch.nn import functional

from pretraining.errors import UserError
from pretraining.image.spec import per_axis
from pretraining.image.vit_positions import resample_positions

LAYER_NORM_EPS = 1e-6
POSITION_STD = 0.02

# `base` is ViT-B (Dosovitskiy et al., ICLR 2021), tapped after blocks 3, 6, 9 and 12 as in UNETR (Hatamizadeh et al.,
# WACV 2022); `small` is as wide as DeiT-Ti, shallow enough for a processor, tapped at the same quarters of its depth.
_PRESETS: dict[str, dict[str, Any]] = {
    "small": {"hidden_size": 192, "mlp_dim": 768, "num_layers": 8, "num_heads": 3, "taps": [1, 3, 5, 7]},
    "base": {"hidden_size": 768, "mlp_dim": 3072, "num_layers": 12, "num_heads": 12, "taps": [2, 5, 8, 11]},
}


def vit_arguments(
    preset: Literal["small", "base"],
    dim: int,
    image_size: int | Sequence[int],
    patch_size: int | Sequence[int] = 16,
) -> dict[str, Any]:
    """The `arguments` of an `EncoderSpec` of kind `vit`.

    Args:
        preset: `small` (3.6 M parameters in its blocks) or `base` (ViT-B, 85 M).
        dim: 2 or 3.
        image_size: positions per axis of the input that the position table is made for.
        patch_size: positions per axis that one token covers.

    Returns:
        Plain JSON types.

    Raises:
        UserError: unknown preset.
    """
    if preset not in _PRESETS:
        raise UserError(f"the ViT preset '{preset}' is unknown; choose one of {', '.join(_PRESETS)}")
    sizes = {"patch_size": patch_size, "image_size": image_size}
    axes = {name: list(per_axis(size if isinstance(size, int) else tuple(size), dim)) for name, size in sizes.items()}
    return {**axes, **_PRESETS[preset], "taps": list(_PRESETS[preset]["taps"])}


class VitEncoder(nn.Module):
    """ViT (Dosovitskiy et al., ICLR 2021) without class token, as in UNETR (Hatamizadeh et al., WACV 2022).

    An input that is no multiple of the token size is continued by zeros at the end of the axis: the grid is
    `ceil(S / patch_size)`, as a strided convolution's is. Positions are learned for the grid of `image_size` and
    interpolated for any other.

    Args:
        dim: 2 for images, 3 for volumes.
        input_channels: channels of the input.
        patch_size: positions per axis that one token covers, one number or one an axis.
        image_size: positions per axis of the input that the position table is made for.
        hidden_size: length H of a token.
        mlp_dim: hidden width of a block's perceptron.
        num_layers: transformer blocks.
        num_heads: attention heads; they divide `hidden_size`.
        taps: indices, from 0, of the blocks whose tokens are returned, ascending; the last one is the last block.

    Attributes:
        output_channels: H for each tap.
        strides: the token size for each tap.

    Raises:
        UserError: taps or heads that do not fit.
    """

    def __init__(
        self,
        dim: int,
        input_channels: int,
        patch_size: int | Sequence[int],
        image_size: int | Sequence[int],
        hidden_size: int,
        mlp_dim: int,
        num_layers: int,
        num_heads: int,
        taps: Sequence[int],
    ) -> None:
        super().__init__()
        _check(hidden_size, num_layers, num_heads, taps)
        # `import monai` takes seconds and imports transformers where it is installed; U-Nets must load without either.
        from monai.networks.blocks.transformerblock import TransformerBlock

        self.patch_size = per_axis(patch_size if isinstance(patch_size, int) else tuple(patch_size), dim)
        size = per_axis(image_size if isinstance(image_size, int) else tuple(image_size), dim)
        self.taps = tuple(taps)
        self.output_channels = [hidden_size] * len(self.taps)
        self.strides = [list(self.patch_size) for _ in self.taps]
        grid = [-(-length // step) for length, step in zip(size, self.patch_size, strict=True)]
        convolution: Callable[..., nn.Conv2d | nn.Conv3d] = nn.Conv2d if dim == 2 else nn.Conv3d
        self.patch_embedding = convolution(input_channels, hidden_size, self.patch_size, self.patch_size)
        self.position_embeddings = nn.Parameter(self.patch_embedding.weight.new_empty(1, hidden_size, *grid))
        self.blocks = nn.ModuleList(
            TransformerBlock(hidden_size, mlp_dim, num_heads, qkv_bias=True, use_flash_attention=True)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden_size, eps=LAYER_NORM_EPS)
        for block in self.blocks:
            _fit_block(block)
        self._initialize()

    def _initialize(self) -> None:
        """Xavier for the projections, the patch embedding seen as one of them (MAE, He et al., CVPR 2022)."""
        nn.init.xavier_uniform_(self.patch_embedding.weight.detach().flatten(1))
        assert self.patch_embedding.bias is not None
        nn.init.zeros_(self.patch_embedding.bias)
        nn.init.trunc_normal_(self.position_embeddings, std=POSITION_STD)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode an image or a volume.

        Args:
            image: `(B, C, *S)`.

        Returns:
            For each tap the tokens of its block on their grid, `(B, H, *G)` with `G = ceil(S / patch_size)`. The last
            one is layer-normed.
        """
        embedded = self.patch_embedding(self._pad(image))
        grid = embedded.shape[2:]
        embedded = embedded + resample_positions(self.position_embeddings, grid)
        tokens = embedded.flatten(2).transpose(1, 2)
        features = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.taps:
                tapped = self.norm(tokens) if index == self.taps[-1] else tokens
                features.append(tapped.transpose(1, 2).unflatten(2, grid).contiguous())
        return features

    def _pad(self, image: Tensor) -> Tensor:
        missing = [-length % step for length, step in zip(image.shape[2:], self.patch_size, strict=True)]
        if not any(missing):
            return image
        return functional.pad(image, [width for length in reversed(missing) for width in (0, length)])


def _check(hidden_size: int, num_layers: int, num_heads: int, taps: Sequence[int]) -> None:
    if hidden_size % num_heads:
        raise UserError(f"a ViT's num_heads ({num_heads}) must divide its hidden_size ({hidden_size})")
    if list(taps) != sorted(set(taps)) or not taps or taps[0] < 0 or taps[-1] != num_layers - 1:
        raise UserError(
            f"a ViT's taps {list(taps)} must ascend from 0 or more to its last block, {num_layers - 1} "
            f"(num_layers is {num_layers})"
        )


def _fit_block(block: Any) -> None:
    """Give MONAI's block ViT's epsilon, and take away what its forward never uses (DDP refuses unused parameters)."""
    block.norm1.eps = LAYER_NORM_EPS
    block.norm2.eps = LAYER_NORM_EPS
    block.norm_cross_attn = nn.Identity()
    block.cross_attn = nn.Identity()
