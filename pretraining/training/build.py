"""Builds what a run trains, from its record and its texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec
from pretraining.text.encoder import TextEncoder
from pretraining.text.pretrained import load_text_encoder
from pretraining.text.scratch import scratch_text_encoder
from pretraining.training.config import ImageConfig, TextConfig
from pretraining.training.model import PretrainingModel
from pretraining.training.run_folder import TOKENIZER, RunRecord


def encoder_spec(config: ImageConfig, channels: int) -> EncoderSpec:
    """The encoder that the options ask for.

    Args:
        config: kind, dimension, stages, input size.
        channels: channels of the input.
    """
    arguments: dict[str, Any]
    if config.encoder == "vit":
        from pretraining.image.vit import vit_arguments
        from pretraining.image.vit_import import read_foreign_vit

        size, token = config.image_size, config.vit_patch_size
        if config.vit_weights:
            arguments = read_foreign_vit(Path(config.vit_weights)).encoder_arguments(config.dim, size, token)
        else:
            arguments = vit_arguments(config.vit, config.dim, size, token)
    else:
        arguments = convolutional_arguments(config.encoder, config.dim, config.stages)
    return EncoderSpec(config.encoder, config.dim, channels, arguments)


def build_text_encoder(config: TextConfig, folder: Path) -> TextEncoder:
    """The text encoder that the options ask for.

    Args:
        config: which one, and its size.
        folder: the run's folder, where the tokenizer of `scratch` lies.

    Raises:
        UserError: see `load_text_encoder` and `TextEncoder.train_last_layers`.
    """
    if config.text_encoder == "scratch":
        return scratch_text_encoder(
            folder / TOKENIZER, config.scratch_hidden_size, config.scratch_layers, config.max_tokens
        )
    encoder = load_text_encoder(config.text_encoder, config.max_tokens)
    if config.freeze_text:
        encoder.requires_grad_(False)
    if config.train_text_layers is not None:
        encoder.train_last_layers(config.train_text_layers)
    return encoder


def build_model(record: RunRecord, hidden_size: int) -> PretrainingModel:
    """The network, with random weights.

    Args:
        record: encoder and sizes.
        hidden_size: of the text encoder.
    """
    config = record.config
    return PretrainingModel(
        record.spec,
        hidden_size,
        config.image.map_stride,
        config.image.embedding_dim,
        config.objective.attention_temperature,
        config.objective.masked_fraction if config.objective.reconstruction_weight else None,
    )


def load_foreign_weights(model: PretrainingModel, config: ImageConfig) -> None:
    """Start the encoder from `--vit-weights`, where they are given."""
    if config.vit_weights:
        from pretraining.image.vit import VitEncoder
        from pretraining.image.vit_import import load_foreign_vit, read_foreign_vit

        assert isinstance(model.encoder, VitEncoder)
        load_foreign_vit(model.encoder, read_foreign_vit(Path(config.vit_weights)))
