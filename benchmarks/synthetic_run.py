"""A pretraining run on synthetic studies, as `mosmos_pretrain train` builds it, for benchmarks to take steps of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pretraining.data.corpus import read_corpus
from pretraining.phantom.pairs import PairsJob, write_pairs
from pretraining.phantom.presets import find_preset
from pretraining.phantom.streams import Stream
from pretraining.studies.options import PrepareOptions
from pretraining.studies.prepare import prepare
from pretraining.training.config import TrainConfig
from pretraining.training.loop import Runtime, Trainer
from pretraining.training.opening import open_run
from pretraining.training.pretrain import build_task, describe, study_images
from pretraining.training.run_folder import is_run


def write_studies(folder: Path, dim: int, size: tuple[int, ...], studies: int) -> Path:
    """Synthetic studies, prepared; returns the prepared folder."""
    preset = find_preset("default")
    population = preset.pretraining_2d if dim == 2 else preset.pretraining_3d
    extent = [n * s for n, s in zip(population.protocol.size, population.protocol.spacing, strict=True)]
    spacing = tuple(length / number for length, number in zip(extent, size, strict=True))
    population = replace(population, protocol=replace(population.protocol, size=size, spacing=spacing))
    write_pairs(
        PairsJob(
            folder=folder / "pairs",
            stream=Stream(0, "train"),
            count=studies,
            studies_per_patient=1,
            population=population,
            reporting=preset.reporting,
        )
    )
    prepared = folder / "prepared"
    table = folder / "pairs" / "pairs.csv"
    prepare(PrepareOptions(input=table, output=prepared, val_fraction=0, test_fraction=0, workers=1))
    return prepared


def build_trainer(prepared: Path, run: Path, config: TrainConfig, runtime: Runtime) -> Trainer:
    """The trainer of a run on a prepared folder, as `pretrain` builds it."""
    corpus = read_corpus(prepared)
    record = describe(corpus, config)
    with open_run(run, corpus, record, "resume" if is_run(run) else "new"):
        task = build_task(run, corpus, record, runtime.device)
    training, validation = (study_images(prepared, corpus, record, split) for split in ("train", "val"))
    return Trainer(run, task, training, validation, config, runtime)
