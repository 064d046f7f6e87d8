"""Vision transformers from Hugging Face folders (ViT, DeiT, ViT-MAE) as starting weights of a `VitEncoder`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from pretraining.errors import UserError
from pretraining.image.spec import per_axis
from pretraining.image.vit import VitEncoder
from pretraining.image.vit_adaptation import adapt_vit_tensor

MODEL_TYPES = ("vit", "deit", "vit_mae")

# What a layer's parts are called: in files, and since transformers 5 in memory too, which other writers copy.
_LAYER_PARTS = {
    "norm1": ("layernorm_before",),
    "norm2": ("layernorm_after",),
    "attn.q": ("attention.attention.query", "attention.q_proj"),
    "attn.k": ("attention.attention.key", "attention.k_proj"),
    "attn.v": ("attention.attention.value", "attention.v_proj"),
    "attn.out_proj": ("attention.output.dense", "attention.o_proj"),
    "mlp.linear1": ("intermediate.dense", "mlp.fc1"),
    "mlp.linear2": ("output.dense", "mlp.fc2"),
}
_PARTS = {name: part for part, names in _LAYER_PARTS.items() for name in names}
_LAYER_KEY = re.compile(r"(?:encoder\.layer|layers)\.(\d+)\.(.+)\.(weight|bias)")


@dataclass(frozen=True)
class ForeignVit:
    """A pretrained transformer for color images, under `VitEncoder`'s names and without its class token.

    Attributes:
        patch_size: pixels per axis that one token covers.
        width: `hidden_size`, `mlp_dim`, `num_layers` and `num_heads` of `VitEncoder`.
        tensors: its weights; those of the patch embedding are `(H, 3, *patch_size)`, of the positions `(1, H, *grid)`.
    """

    patch_size: tuple[int, ...]
    width: Mapping[str, int]
    tensors: Mapping[str, Tensor]

    def encoder_arguments(
        self, dim: int, image_size: int | Sequence[int], patch_size: int | Sequence[int] | None = None
    ) -> dict[str, Any]:
        """The `arguments` of an `EncoderSpec` that takes these weights.

        Args:
            dim: 2 or 3.
            image_size: positions per axis of the input.
            patch_size: positions per axis that one token covers; the transformer's own, along depth too, when omitted.

        Returns:
            Plain JSON types, with taps after each quarter of the blocks.
        """
        token = max(self.patch_size) if patch_size is None else patch_size
        layers = self.width["num_layers"]
        return {
            "patch_size": list(per_axis(token if isinstance(token, int) else tuple(token), dim)),
            "image_size": list(per_axis(image_size if isinstance(image_size, int) else tuple(image_size), dim)),
            **self.width,
            "taps": sorted({-(-layers * quarter // 4) - 1 for quarter in (1, 2, 3, 4)}),
        }


def read_foreign_vit(folder: Path) -> ForeignVit:
    """Read a folder that transformers' `save_pretrained` wrote, or a download of one; transformers is not needed.

    Args:
        folder: with `config.json` and `model.safetensors`; heads beside the transformer are ignored.

    Raises:
        UserError: a file is missing or damaged, or the model is no plain vision transformer.
    """
    config, state = _read_config(folder / "config.json"), _read_weights(folder / "model.safetensors")
    patch_size = per_axis(config["patch_size"], 2)
    grid = tuple(length // step for length, step in zip(per_axis(config["image_size"], 2), patch_size, strict=True))
    try:
        tensors = {
            "patch_embedding.weight": state["embeddings.patch_embeddings.projection.weight"],
            "patch_embedding.bias": state["embeddings.patch_embeddings.projection.bias"],
            "position_embeddings": _position_grid(state["embeddings.position_embeddings"], grid, folder),
            "norm.weight": state["layernorm.weight"],
            "norm.bias": state["layernorm.bias"],
            **_layers(state, config),
        }
    except KeyError as error:
        raise UserError(f"{folder / 'model.safetensors'} holds no {error}; take a complete copy of the model") from None
    width = {
        "hidden_size": config["hidden_size"],
        "mlp_dim": config["intermediate_size"],
        "num_layers": config["num_hidden_layers"],
        "num_heads": config["num_attention_heads"],
    }
    return ForeignVit(patch_size, width, tensors)


def load_foreign_vit(encoder: VitEncoder, foreign: ForeignVit) -> None:
    """Start an encoder from a foreign transformer.

    The class token is gone, so that the patch tokens see each other alone: each layer does what it did, but on one
    token fewer.

    Args:
        encoder: of the same width, depth and heads (`ForeignVit.encoder_arguments`), of any dimension, channel count,
            token size and grid.
        foreign: from `read_foreign_vit`.

    Raises:
        ValueError: the encoder has another width.
    """
    shapes = {name: value.shape for name, value in encoder.state_dict().items()}
    encoder.load_state_dict(
        {name: adapt_vit_tensor(name, tensor, shapes[name]) for name, tensor in foreign.tensors.items()}
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); give a folder of a Hugging Face ViT") from None
    kind, activation = config.get("model_type"), config.get("hidden_act", "gelu")
    if kind not in MODEL_TYPES or activation != "gelu":
        raise UserError(
            f"{path} describes a model of type '{kind}' with activation '{activation}'; "
            f"give one of type {', '.join(MODEL_TYPES)} with 'gelu'"
        )
    # What transformers leaves out when it writes only the differences to its defaults (version 4).
    defaults = {
        "patch_size": 16,
        "image_size": 224,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    }
    return {**defaults, **config}


def _read_weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(
            f"{path} does not exist; where the model has only a .bin file, save it anew with safe_serialization=True"
        )
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); download or copy it again") from None
    # Models with a head keep the transformer under its own name.
    return {re.sub(r"^(vit|deit)\.", "", name): value.float() for name, value in state.items()}


def _position_grid(table: Tensor, grid: tuple[int, ...], folder: Path) -> Tensor:
    """`(1, tokens, H)` to `(1, H, *grid)`; class (and distillation) tokens come first and are dropped."""
    extra = table.shape[1] - grid[0] * grid[1]
    if extra < 0:
        raise UserError(
            f"{folder}: {table.shape[1]} positions cannot fill the grid {grid[0]}x{grid[1]} that config.json tells; "
            "take a complete copy of the model"
        )
    return table[:, extra:].transpose(1, 2).unflatten(2, grid).contiguous()


def _layers(state: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """Every block's weights; query, key and value become one projection, in MONAI's order."""
    parts = {
        f"{match[1]}.{_PARTS[match[2]]}.{match[3]}": value
        for name, value in state.items()
        if (match := _LAYER_KEY.fullmatch(name)) and match[2] in _PARTS
    }
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        for kind in ("weight", "bias"):
            joined = [_projection(parts, f"{layer}.attn.{name}.{kind}") for name in "qkv"]
            tensors[f"blocks.{layer}.attn.qkv.{kind}"] = torch.cat(joined)
            for part in ("norm1", "norm2", "attn.out_proj", "mlp.linear1", "mlp.linear2"):
                tensors[f"blocks.{layer}.{part}.{kind}"] = parts[f"{layer}.{part}.{kind}"]
    return tensors


def _projection(parts: Mapping[str, Tensor], name: str) -> Tensor:
    """A query, key or value tensor; a bias that the model does without (`qkv_bias` off) is zero."""
    if name.endswith(".bias") and name not in parts:
        return torch.zeros(parts[name.removesuffix("bias") + "weight"].shape[0])
    return parts[name]
