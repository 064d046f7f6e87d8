"""The network of a bundle: from images to pixel-tag attention maps, without any text encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pretraining.bundle.bundle import Bundle
from pretraining.errors import UserError
from pretraining.heads.recognition import CosineAttentionRecognition, Recognition
from pretraining.image.convolutional import is_alias
from pretraining.image.encoder import build_encoder
from pretraining.image.pixel_projector import PixelProjector
from pretraining.image.spec import cumulative_strides, feature_channels


def _load(module: nn.Module, bundle: Bundle, part: str) -> None:
    try:
        found = module.load_state_dict(bundle.state_of(part), strict=False)
        wrong = [*found.unexpected_keys, *(name for name in found.missing_keys if not is_alias(name))]
    except RuntimeError as error:
        wrong = str(error).splitlines()[1:]
    if wrong:
        raise UserError(
            f"the {part} in the bundle {bundle.path} does not fit its description ({wrong[0].strip()}); "
            "export the run again"
        )


class BundleNetwork(nn.Module):
    """Encoder, pixel projector and recognition head of a bundle, frozen.

    Args:
        bundle: weights and arguments.
        tags: ids of the tags to look for.

    Raises:
        UserError: a tag that the bundle does not know, or tensors that do not fit its description.
    """

    tag_embeddings: Tensor

    def __init__(self, bundle: Bundle, tags: Sequence[str]) -> None:
        super().__init__()
        unknown = [tag for tag in tags if tag not in bundle.tag_ids]
        if unknown:
            raise UserError(f"the bundle {bundle.path} has no tag {', '.join(unknown)}; its tags are in bundle.json")
        info = bundle.info
        self.encoder = build_encoder(info.encoder)
        strides, channels = cumulative_strides(info.encoder), feature_channels(info.encoder)
        self.pixel_projector = PixelProjector(channels, strides, info.map_stage, info.embedding_dim, info.dim)
        self.recognition = CosineAttentionRecognition(info.embedding_dim, info.attention_temperature)
        for name in ("encoder", "pixel_projector", "recognition"):
            _load(getattr(self, name), bundle, name)
        rows = [bundle.tag_ids.index(tag) for tag in tags]
        self.register_buffer("tag_embeddings", bundle.tag_embeddings[rows].clone())
        self.requires_grad_(False)
        self.eval()

    @torch.inference_mode()
    def forward(self, images: Tensor) -> Recognition:
        """Look for the tags.

        Args:
            images: `(B, C, *S)`, normalized as the bundle says.
        """
        found: Recognition = self.recognition(self.pixel_projector(self.encoder(images)), self.tag_embeddings)
        return found
