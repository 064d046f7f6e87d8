"""The network that pretraining trains: image encoder, text encoder, projectors and the recognition head."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from pretraining.heads.recognition import CosineAttentionRecognition, Recognition
from pretraining.heads.reconstruction import MaskedReconstruction
from pretraining.image.encoder import build_encoder
from pretraining.image.pixel_projector import PixelProjector
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels, map_stage_of
from pretraining.text.tag_embeddings import TagEmbeddings


@dataclass(frozen=True)
class ImageEmbeddings:
    """What an image looks like.

    Attributes:
        image: `(B, D)`, unit vectors.
        pixels: `(B, D, *G)`, unit vectors.
    """

    image: Tensor
    pixels: Tensor


class PretrainingModel(nn.Module):
    """Embeds images, pixels, reports, tags, and what reports say of organs, in one space.

    Args:
        spec: the image encoder.
        hidden_size: length H of a text's vector.
        map_stride: wanted stride of the map grid; a transformer, whose features have one stride, needs none.
        embedding_dim: D.
        attention_temperature: tau of the tags' attention.
        masked_fraction: share of the image that masked reconstruction hides; None for none of it.
        deep_context: whether stages deeper than the map's add to the pixel embeddings.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        hidden_size: int,
        map_stride: int | None,
        embedding_dim: int,
        attention_temperature: float,
        masked_fraction: float | None = None,
        deep_context: bool = True,
    ) -> None:
        super().__init__()
        strides, channels = cumulative_strides(spec), feature_channels(spec)
        self.dim = spec.dim
        self.encoder = build_encoder(spec)
        # All features of a transformer have one stride: every one of them contributes.
        self.map_stage = 0 if map_stride is None else map_stage_of(strides, map_stride)
        self.pixel_projector = PixelProjector(channels, strides, self.map_stage, embedding_dim, spec.dim)
        if not deep_context:
            self.pixel_projector.leave_out_deeper_stages()
        self.image_projector = nn.Linear(channels[-1], embedding_dim)
        self.report_projector = nn.Linear(hidden_size, embedding_dim)
        self.tag_embeddings = TagEmbeddings(hidden_size, embedding_dim)
        self.recognition = CosineAttentionRecognition(embedding_dim, attention_temperature)
        self.organ_projector = nn.Linear(embedding_dim, embedding_dim)
        self.sentence_projector = nn.Linear(hidden_size, embedding_dim)
        self.reconstruction = (
            None
            if masked_fraction is None
            else MaskedReconstruction(spec.input_channels, channels, strides, self.map_stage, masked_fraction)
        )

    def embed_images(self, images: Tensor) -> ImageEmbeddings:
        """Embed images and their pixels.

        A tag holds for the study, not for a crop (METHOD 1.8): the pixels of a study's crops are joined, so that a
        tag's attention is over all of them, and their pooled features are averaged.

        Args:
            images: `(B, C, *S)`, or `(B, V, C, *S)` for V crops a study.

        Returns:
            Embeddings of B studies; V crops give pixels `(B, D, V * G0, G1, ...)`.
        """
        crops = images.shape[:2] if images.ndim == self.dim + 3 else None
        features = self.encoder(images if crops is None else images.flatten(0, 1))
        pooled = features[-1].flatten(2).float().mean(-1)
        pixels = self.pixel_projector(features)
        if crops is not None:
            pooled = pooled.unflatten(0, crops).mean(1)
            pixels = pixels.unflatten(0, crops).movedim(1, 2).flatten(2, 3)
        return ImageEmbeddings(functional.normalize(self.image_projector(pooled).float(), dim=-1), pixels)

    def embed_reports(self, texts: Tensor) -> Tensor:
        """Unit vectors `(B, D)` of reports, from the text encoder's `(B, H)`."""
        return functional.normalize(self.report_projector(texts).float(), dim=-1)

    def embed_sentences(self, texts: Tensor) -> Tensor:
        """Unit vectors `(N, D)` of sentences, from the text encoder's `(N, H)`."""
        return functional.normalize(self.sentence_projector(texts).float(), dim=-1)

    def embed_organs(self, recognition: Recognition, rows: Tensor, tags: Tensor) -> Tensor:
        """Unit vectors `(N, D)` of what the attention of tag `tags[n]` pools from image `rows[n]`."""
        return functional.normalize(self.organ_projector(recognition.pooled[rows, tags]).float(), dim=-1)
