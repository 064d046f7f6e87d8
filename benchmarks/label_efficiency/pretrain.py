"""Pretrains one encoder and exports its bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from benchmarks.label_efficiency.cells import Pretraining
from benchmarks.label_efficiency.design import FAMILIES, OBJECTIVES, PRETRAINING, Size
from benchmarks.label_efficiency.folders import Folders
from benchmarks.label_efficiency.localization import measure
from pretraining.training.config import ImageConfig, ObjectiveConfig, OptimizationConfig, TextConfig, TrainConfig
from pretraining.training.export import export_run
from pretraining.training.journal import read_metrics
from pretraining.training.loop import Runtime
from pretraining.training.pretrain import pretrain


def pretrain_bundle(pretraining: Pretraining, folders: Folders, size: Size, plans: Path) -> dict[str, Any]:
    """Pretrain; an interrupted run goes on where it stood.

    Args:
        pretraining: which.
        folders: receive run and bundle.
        size: of everything.
        plans: nnU-Net's, of any split: they agree on the network.

    Returns:
        What the record keeps.
    """
    folder = folders.pretraining(pretraining)
    folder.mkdir(parents=True, exist_ok=True)
    config = train_config(pretraining, size, plans, folder)
    pretrain(
        folders.prepared(pretraining.needs),
        folder / "run",
        config,
        Runtime(torch.device("cpu"), workers=0, checkpoint_steps=500),
    )
    export_run(folder / "run", folders.bundle(pretraining), "best", "synthetic")
    metrics = read_metrics(folder / "run")
    # A bundle is all that cells need; a run's checkpoints are the largest files of the benchmark.
    shutil.rmtree(folder / "run")
    masks = None if size.real else folders.pairs(pretraining.needs) / size.patients.masks
    where = measure(folders.bundle(pretraining), masks, folders.prepared(pretraining.needs))
    return {"seed": pretraining.seed, "metrics": metrics, **where}


def train_config(pretraining: Pretraining, size: Size, plans: Path, folder: Path) -> TrainConfig:
    """The options of `mosmos_pretrain train`."""
    family, objective = FAMILIES[pretraining.family], OBJECTIVES[pretraining.objective]
    return TrainConfig(
        _image_config(pretraining, size, plans, folder),
        TextConfig(
            scratch_hidden_size=PRETRAINING.scratch_hidden_size,
            scratch_layers=PRETRAINING.scratch_layers,
            max_tokens=PRETRAINING.max_tokens,
            tag_embeddings=objective.tag_embeddings,
        ),
        ObjectiveConfig(
            contrastive_weight=objective.contrastive,
            tag_weight=objective.tags,
            sentence_weight=objective.sentences,
            reconstruction_weight=objective.reconstruction,
            tag_loss=objective.tag_loss,
            attention_temperature=objective.attention_temperature,
        ),
        OptimizationConfig(
            epochs=size.pretraining_epochs[family.dim] * objective.epochs_factor,
            batch_size=size.pretraining_batch,
            learning_rate=PRETRAINING.learning_rate,
            seed=pretraining.seed,
        ),
    )


def _image_config(pretraining: Pretraining, size: Size, plans: Path, folder: Path) -> ImageConfig:
    family = FAMILIES[pretraining.family]
    # Whole studies, also where finetuning sees patches: a tag holds for the study.
    whole = size.volume[3 - family.dim :]
    if family.name != "unetr":
        return ImageConfig(
            plans=str(plans),
            configuration=family.configuration,
            image_size=whole,
            map_stride=OBJECTIVES[pretraining.objective].map_stride,
            deep_context=OBJECTIVES[pretraining.objective].deep_context,
            embedding_dim=PRETRAINING.embedding_dim,
        )
    return ImageConfig(
        dim=family.dim,
        encoder="vit",
        image_size=whole,
        vit_weights=str(_random_transformer(folder / "transformer", size, pretraining.seed)),
        embedding_dim=PRETRAINING.embedding_dim,
    )


def _random_transformer(folder: Path, size: Size, seed: int) -> Path:
    """A transformer narrower than any preset of the command, with random weights, as `--vit-weights` takes it."""
    from transformers import ViTConfig, ViTModel

    width = size.transformer
    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=width["width"],
        intermediate_size=2 * width["width"],
        num_hidden_layers=width["layers"],
        num_attention_heads=width["heads"],
        patch_size=width["token"],
        image_size=size.volume[-1],
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
