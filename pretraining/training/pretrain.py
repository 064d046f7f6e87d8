"""Starts or resumes a pretraining run."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from pretraining.image.normalization import Normalization
from pretraining.studies.arrays import read_shape
from pretraining.text.bank import TextBank
from pretraining.training.build import build_model, build_text_encoder, encoder_spec, load_foreign_weights
from pretraining.training.config import TrainConfig
from pretraining.training.corpus import Corpus, read_corpus
from pretraining.training.data import StudyImages
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.opening import Start, open_run
from pretraining.training.out_of_memory import memory_problems_are_users
from pretraining.training.run_folder import RunRecord
from pretraining.training.task import PretrainingTask
from pretraining.training.watchers import require_watchers

LOG = logging.getLogger(__name__)


def describe(corpus: Corpus, config: TrainConfig) -> RunRecord:
    """What the run folder will say of a corpus and options."""
    channels = read_shape(corpus.of("train")[0].image)[0]
    counts = {f"{split} images": len(corpus.of(split)) for split in ("train", "val", "test")}
    return RunRecord(
        config=config,
        spec=encoder_spec(config.image, channels),
        normalization=Normalization("zscore"),
        vocabulary=corpus.vocabulary,
        tag_ids=corpus.tag_ids,
        present=corpus.present,
        absent=corpus.absent,
        data={**counts, "manifest sha256": corpus.manifest_hash, "vocabulary sha256": corpus.vocabulary.hash},
    )


def study_images(corpus: Corpus, record: RunRecord, split: str) -> StudyImages:
    """The images of one split; only those of training are augmented."""
    config = record.config
    seed = config.optimization.seed if config.optimization.augment and split == "train" else None
    return StudyImages(
        corpus.of(split), config.image.image_size, record.spec.input_channels, record.normalization, seed
    )


def build_task(folder: Path, corpus: Corpus, record: RunRecord) -> PretrainingTask:
    """Model, texts and losses, initialized from the run's seed."""
    seed = record.config.optimization.seed
    torch.manual_seed(seed)
    bank = TextBank(build_text_encoder(record.config.text, folder), corpus.texts, record.config.text.freeze_text)
    model = build_model(record, bank.encoder.hidden_size)
    load_foreign_weights(model, record.config.image)
    random_tags = seed if record.config.text.tag_embeddings == "random" else None
    return PretrainingTask(model, bank, corpus, record.config.objective, random_tags)


def pretrain(data: Path, output: Path, config: TrainConfig, runtime: Runtime, start: Start = "auto") -> int:
    """Pretrain on a prepared folder; an interrupted run goes on where its last checkpoint stands.

    Args:
        data: what `prepare` wrote.
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
    with open_run(output, corpus, record, start), memory_problems_are_users(output, config):
        LOG.info(
            "%d training and %d validation images, %d tags",
            len(corpus.of("train")),
            len(corpus.of("val")),
            len(corpus.tag_ids),
        )
        training, validation = (study_images(corpus, record, split) for split in ("train", "val"))
        return Trainer(output, build_task(output, corpus, record), training, validation, config, runtime).run()
