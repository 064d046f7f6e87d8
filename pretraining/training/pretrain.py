"""Starts or resumes a pretraining run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from pretraining.errors import UserError
from pretraining.image.normalization import Normalization
from pretraining.shards.index import is_sharded, read_index
from pretraining.text.bank import TextBank
from pretraining.text.scratch import train_tokenizer
from pretraining.training.build import build_model, build_text_encoder, encoder_spec, load_foreign_weights
from pretraining.training.config import TrainConfig
from pretraining.training.corpus import Corpus, read_corpus
from pretraining.training.data import StudyImages
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.reading import say_worker_deaths
from pretraining.training.run_folder import (
    TOKENIZER,
    RunRecord,
    is_run,
    refuse_difference,
    write_record,
)
from pretraining.training.task import PretrainingTask

LOG = logging.getLogger(__name__)


def describe(corpus: Corpus, config: TrainConfig) -> RunRecord:
    """What the run folder will say of a corpus and options."""
    counts = {f"{split} images": len(corpus.of(split)) for split in ("train", "val", "test")}
    return RunRecord(
        config=config,
        spec=encoder_spec(config.image, corpus.channels),
        normalization=Normalization("zscore"),
        vocabulary=corpus.vocabulary,
        tag_ids=corpus.tag_ids,
        present=corpus.present,
        absent=corpus.absent,
        data={**counts, "manifest sha256": corpus.manifest_hash, "vocabulary sha256": corpus.vocabulary.hash},
    )


def open_run(folder: Path, corpus: Corpus, record: RunRecord) -> None:
    """Make the run's folder, or check that it is this run's.

    Raises:
        UserError: the folder holds something else, or a run with other settings.
    """
    if is_run(folder):
        refuse_difference(folder, record)
        return
    if folder.exists() and any(entry.name != TOKENIZER for entry in folder.iterdir()):
        raise UserError(f"{folder} exists and is not a run; give an empty or new folder as --output")
    if record.config.text.text_encoder == "scratch":
        train_tokenizer(corpus.texts, folder / TOKENIZER)
    write_record(folder, record)


def build_task(folder: Path, corpus: Corpus, record: RunRecord) -> PretrainingTask:
    """Model, texts and losses, initialized from the run's seed."""
    seed = record.config.optimization.seed
    torch.manual_seed(seed)
    bank = TextBank(build_text_encoder(record.config.text, folder), corpus.texts, record.config.text.freeze_text)
    model = build_model(record, bank.encoder.hidden_size)
    load_foreign_weights(model, record.config.image)
    random_tags = seed if record.config.text.tag_embeddings == "random" else None
    return PretrainingTask(model, bank, corpus, record.config.objective, random_tags)


def image_source(data: Path) -> Callable[..., StudyImages]:
    """Makes the images of pairs, with the arguments of `StudyImages`, from where `data` keeps them."""
    if not is_sharded(data):
        return StudyImages
    from pretraining.shards.stream import ShardedImages

    return partial(ShardedImages, read_index(data))


def pretrain(data: Path, output: Path, config: TrainConfig, runtime: Runtime) -> None:
    """Pretrain on a prepared folder; an interrupted run goes on where its last checkpoint stands.

    Args:
        data: what `prepare` or `shard` wrote.
        output: the run's folder.
        config: options that change the result.
        runtime: options that do not.

    Raises:
        UserError: see `read_corpus`, `open_run` and `Trainer.run`.
    """
    corpus = read_corpus(data)
    record = describe(corpus, config)
    size, channels = config.image.image_size, record.spec.input_channels
    seed = config.optimization.seed if config.optimization.augment else None
    images = image_source(data)
    training = images(corpus.of("train"), size, channels, record.normalization, seed)
    validation = images(corpus.of("val"), size, channels, record.normalization, None)
    open_run(output, corpus, record)
    LOG.info(
        "%d training and %d validation images, %d tags",
        len(corpus.of("train")),
        len(corpus.of("val")),
        len(corpus.tag_ids),
    )
    with say_worker_deaths():
        Trainer(output, build_task(output, corpus, record), training, validation, config, runtime).run()
