"""Builds what a run trains, from its record and its texts."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.fit import Crops, View
from pretraining.image.plans import read_plan
from pretraining.image.spec import EncoderSpec, cumulative_strides
from pretraining.text.encoder import TextEncoder
from pretraining.text.pretrained import load_text_encoder
from pretraining.text.scratch import scratch_text_encoder
from pretraining.training.config import ImageConfig, TextConfig, check_axes, check_image_size
from pretraining.training.model import PretrainingModel
from pretraining.training.run_folder import TOKENIZER, RunRecord

LOG = logging.getLogger(__name__)


def resolve_plans(config: ImageConfig) -> ImageConfig:
    """Take what the options leave to `--plans`: the input's size, and the spacing of its voxels.

    Args:
        config: options; returned as they are without `--plans`.

    Raises:
        UserError: see `read_plan`, or sizes that do not fit the plans.
    """
    if not config.plans:
        return config
    plan = read_plan(Path(config.plans), config.configuration)
    where = f"--configuration {config.configuration}"
    for option, numbers in (("--image-size", config.image_size), ("--crop-spacing", config.crop_spacing)):
        check_axes(option, numbers, plan.dim, where)
    if plan.transpose != tuple(range(len(plan.transpose))):
        LOG.warning(
            "%s orders the axes of its dataset as %s; studies stay (z, y, x), so that the network's first axis is z",
            config.plans,
            " ".join(map(str, plan.transpose)),
        )
    size = config.image_size or plan.patch_size
    check_image_size(size, cumulative_strides(encoder_spec(config, 1))[-1], where)
    return replace(config, image_size=size, crop_spacing=config.crop_spacing or plan.spacing)


def crops_of(config: ImageConfig) -> Crops | None:
    """How studies are cut, or to which voxels they are scaled, from resolved options."""
    return Crops(config.crops, config.crop_spacing) if config.crop_spacing else None


def view_of(record: RunRecord) -> View:
    """How a run's network sees studies."""
    image = record.config.image
    return View(image.image_size, cumulative_strides(record.spec)[-1], crops_of(image))


def encoder_spec(config: ImageConfig, channels: int) -> EncoderSpec:
    """The encoder that the options ask for.

    Args:
        config: kind, dimension, stages, input size.
        channels: channels of the input.
    """
    if config.plans:
        plan = read_plan(Path(config.plans), config.configuration)
        return EncoderSpec(plan.kind, plan.dim, channels, plan.arguments)
    assert config.dim is not None and config.encoder is not None
    arguments: dict[str, Any]
    if config.vit_weights:
        from pretraining.image.vit_import import read_foreign_vit

        foreign = read_foreign_vit(Path(config.vit_weights))
        arguments = foreign.encoder_arguments(config.dim, config.image_size, config.vit_patch_size)
    elif config.encoder == "vit":
        from pretraining.image.vit import vit_arguments

        assert config.vit is not None and config.vit_patch_size is not None
        arguments = vit_arguments(config.vit, config.dim, config.image_size, config.vit_patch_size)
    else:
        assert config.stages is not None
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
        config.image.deep_context,
    )


def load_foreign_weights(model: PretrainingModel, config: ImageConfig) -> None:
    """Start the encoder from `--vit-weights`, where they are given."""
    if config.vit_weights:
        from pretraining.image.vit import VitEncoder
        from pretraining.image.vit_import import load_foreign_vit, read_foreign_vit

        assert isinstance(model.encoder, VitEncoder)
        load_foreign_vit(model.encoder, read_foreign_vit(Path(config.vit_weights)))
