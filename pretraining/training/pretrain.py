"""Starts or resumes a pretraining run."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pretraining.data.batches import StudyImages
from pretraining.data.corpus import Corpus, read_corpus
from pretraining.data.intensities import choose_normalization
from pretraining.data.reading import say_worker_deaths
from pretraining.data.shards.index import is_sharded, read_index
from pretraining.errors import UserError
from pretraining.image.spec import cumulative_strides
from pretraining.text.bank import CPU, TextBank
from pretraining.text.feature_cache import FEATURES
from pretraining.training.activation_checkpointing import checkpoint_activations
from pretraining.training.build import (
    build_model,
    build_text_encoder,
    encoder_spec,
    load_foreign_weights,
    resolve_plans,
    view_of,
)
from pretraining.training.config import TrainConfig
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.opening import Start, open_run
from pretraining.training.out_of_memory import memory_problems_are_users
from pretraining.training.run_folder import RunRecord
from pretraining.training.task import PretrainingTask
from pretraining.training.watchers import require_watchers

LOG = logging.getLogger(__name__)


def describe(corpus: Corpus, config: TrainConfig) -> RunRecord:
    """What the run folder will say of a corpus and options.

    Raises:
        UserError: a study is known to have another dimension than the encoder.
    """
    config = replace(config, image=resolve_plans(config.image))
    counts: dict[str, Any] = {f"{split} images": len(corpus.of(split)) for split in ("train", "val", "test")}
    if config.image.plans:
        counts["plans sha256"] = hashlib.sha256(Path(config.image.plans).read_bytes()).hexdigest()
    spec = encoder_spec(config.image, corpus.channels)
    for pair in corpus.pairs:
        if pair.spacing and len(pair.spacing) != spec.dim:
            raise UserError(
                f"study '{pair.study}' is in {len(pair.spacing)}D, the encoder in {spec.dim}D: give --dim "
                f"{len(pair.spacing)}, or prepare 2D and 3D studies into folders of their own"
            )
    deepest = max(cumulative_strides(spec)[-1])
    if config.image.map_stride and deepest < config.image.map_stride:
        LOG.warning(
            "the encoder reaches a stride of %d only: maps live on its deepest stage, not at --map-stride %d",
            deepest,
            config.image.map_stride,
        )
    return RunRecord(
        config=config,
        spec=spec,
        normalization=choose_normalization(config.image.normalization, corpus),
        vocabulary=corpus.vocabulary,
        tag_ids=corpus.tag_ids,
        present=corpus.present,
        absent=corpus.absent,
        data={**counts, "manifest sha256": corpus.manifest_hash, "vocabulary sha256": corpus.vocabulary.hash},
    )


def study_images(data: Path, corpus: Corpus, record: RunRecord, split: str) -> StudyImages:
    """The images of one split, from where `data` keeps them; only those of training are augmented."""
    view, optimization = view_of(record), record.config.optimization
    source: Callable[..., StudyImages] = StudyImages
    if is_sharded(data):
        from pretraining.data.shards.stream import ShardedImages

        source = partial(ShardedImages, read_index(data))
    return source(
        corpus.of(split),
        view.size,
        record.spec.input_channels,
        record.normalization,
        optimization.seed if split == "train" else None,
        view,
        augment=optimization.augment,
    )


def build_task(folder: Path, corpus: Corpus, record: RunRecord, device: torch.device = CPU) -> PretrainingTask:
    """Model, texts and losses on the device, initialized from the run's seed; a frozen text encoder encodes there."""
    seed = record.config.optimization.seed
    torch.manual_seed(seed)
    bank = TextBank(
        build_text_encoder(record.config.text, folder),
        corpus.texts,
        record.config.text.freeze_text,
        reports={pair.report for pair in corpus.pairs},
        cache=folder / FEATURES,
        device=device,
    )
    model = build_model(record, bank.encoder.hidden_size)
    load_foreign_weights(model, record.config.image)
    random_tags = seed if record.config.text.tag_embeddings == "random" else None
    return PretrainingTask(model, bank, corpus, record.config.objective, random_tags).to(device)


def pretrain(data: Path, output: Path, config: TrainConfig, runtime: Runtime, start: Start = "auto") -> int:
    """Pretrain on a prepared folder; an interrupted run goes on where its last checkpoint stands.

    Args:
        data: what `prepare` or `shard` wrote.
        output: the run's folder.
        config: options that change the result.
        runtime: options that do not.
        start: see `open_run`.

    Returns:
        The exit code, see `Trainer.run`.

    Raises:
        UserError: see `read_corpus`, `require_watchers`, `open_run` and `Trainer.run`; or memory ran out.
    """
    require_watchers(runtime.tensorboard, runtime.wandb)
    corpus = read_corpus(data)
    record = describe(corpus, config)
    config = record.config
    training, validation = (study_images(data, corpus, record, split) for split in ("train", "val"))
    processes = runtime.processes
    with ExitStack() as opened, memory_problems_are_users(output, config), say_worker_deaths():
        with processes.first_ahead():
            if processes.rank == 0:
                opened.enter_context(open_run(output, corpus, record, start))
        LOG.info(
            "%d training and %d validation images, %d tags",
            len(corpus.of("train")),
            len(corpus.of("val")),
            len(corpus.tag_ids),
        )
        # The first process encodes the texts of a frozen encoder for all.
        with processes.first_ahead():
            task = build_task(output, corpus, record, runtime.device)
        _fit_to(task, runtime, config)
        return Trainer(output, task, training, validation, config, runtime).run()


def _fit_to(task: PretrainingTask, runtime: Runtime, config: TrainConfig) -> None:
    """Prepare a task for how its run is carried out."""
    runtime.processes.same_start(task)
    if runtime.checkpoint_activations:
        checkpoint_activations(task)
    if runtime.compile:
        task.model.encoder.compile()
    # Initialized alike, the processes then draw different random numbers.
    if runtime.processes.rank:
        torch.manual_seed(config.optimization.seed + runtime.processes.rank)
