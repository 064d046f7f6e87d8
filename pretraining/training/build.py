"""Builds what a run trains, from its record and its texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec
from pretraining.text.encoder import TextEncoder, load_text_encoder
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

        arguments = vit_arguments(config.vit, config.dim, config.image_size, config.vit_patch_size)
    else:
        arguments = convolutional_arguments(config.encoder, config.dim, config.stages)
    return EncoderSpec(config.encoder, config.dim, channels, arguments)


def build_text_encoder(config: TextConfig, folder: Path) -> TextEncoder:
    """The text encoder that the options ask for.

    Args:
        config: which one, and its size.
        folder: the run's folder, where the tokenizer of `scratch` lies.
    """
    if config.text_encoder == "scratch":
        return scratch_text_encoder(
            folder / TOKENIZER, config.scratch_hidden_size, config.scratch_layers, config.max_tokens
        )
    encoder = load_text_encoder(config.text_encoder, config.max_tokens)
    if config.freeze_text:
        encoder.requires_grad_(False)
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
    )
