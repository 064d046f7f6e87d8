"""The network of a bundle: from images to pixel-tag attention maps, without any text encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pretraining.bundle.bundle import Bundle
from pretraining.bundle.parts import build_parts
from pretraining.errors import UserError
from pretraining.heads.recognition import Recognition


class BundleNetwork(nn.Module):
    """Encoder, pixel projector and recognition head of a bundle, frozen.

    Args:
        bundle: weights and arguments.
        tags: ids of the tags to look for.
        more: `(M, D)`, unit vectors of what else to look for.

    Raises:
        UserError: a tag that the bundle does not know.
    """

    tag_embeddings: Tensor

    def __init__(self, bundle: Bundle, tags: Sequence[str], more: Tensor | None = None) -> None:
        super().__init__()
        unknown = [tag for tag in tags if tag not in bundle.tag_ids]
        if unknown:
            raise UserError(f"the bundle {bundle.path} has no tag {', '.join(unknown)}; its tags are in bundle.json")
        parts = build_parts(bundle.info)
        for name, part in parts.items():
            # A bundle names every tensor once; nnU-Net's blocks have second names, which `strict` would miss.
            part.load_state_dict(bundle.state_of(name), strict=False)
        self.encoder, self.pixel_projector, self.recognition = parts.values()
        rows = [bundle.tag_ids.index(tag) for tag in tags]
        embeddings = bundle.tag_embeddings[rows]
        self.register_buffer("tag_embeddings", embeddings.clone() if more is None else torch.cat([embeddings, more]))
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
