"""Pairs to pretrain on, and an nnU-Net dataset with one fold a finetuning seed and number of cases.

Everything about patients that could leak lies here. Pretraining patients come from the phantom's stream "train",
labelled ones from "labelled": no seed makes them meet. The held-out cases are the last of the labelled stream, beyond
the pool that the training cases are drawn from.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_efficiency.cells import Pairs
from benchmarks.label_efficiency.design import CASES, FINETUNING_SEEDS, SPLITS, TEACHER_CASES, USUAL, Size
from benchmarks.label_efficiency.folders import DATASET, DATASET_NAME, Folders, variables, write_json
from benchmarks.label_efficiency.real import copy_labelled, real_folder, real_label, real_names
from benchmarks.label_efficiency.threads import threads_for_processes
from pretraining.errors import UserError
from pretraining.phantom.acquisition import draw_scan
from pretraining.phantom.labelled import LabelledJob, label_map, write_labelled
from pretraining.phantom.pairs import PairsJob, write_pairs
from pretraining.phantom.presets import find_preset
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import Population, draw_study
from pretraining.studies.options import PrepareOptions
from pretraining.studies.prepare import prepare

MODALITIES = ("MR",)


def prepare_pairs(pairs: Pairs, folders: Folders, size: Size) -> None:
    """Write and prepare the pairs of a pretraining seed; real ones are the same for all seeds, split anew."""
    folder = folders.pairs(pairs)
    shutil.rmtree(folder, ignore_errors=True)
    if size.real is None:
        write_pairs(pairs_job(folder, size, pairs))
        source = folder
    else:
        source = real_folder(size.real.pairs)
    prepare(
        PrepareOptions(
            input=source / "pairs.csv", output=folders.prepared(pairs), test_fraction=0, seed=pairs.seed, workers=1
        )
    )


def pairs_job(folder: Path, size: Size, pairs: Pairs) -> PairsJob:
    """Image-report pairs of MR, at the labelled cases' resolution."""
    dim = pairs.dim
    preset = find_preset("default")
    population = preset.pretraining_2d if dim == 2 else preset.pretraining_3d
    protocol = replace(
        population.protocol,
        size=size.volume[3 - dim :],
        spacing=size.spacing[3 - dim :],
        modalities=MODALITIES,
        contrasts=size.patients.weightings,
        regions=size.patients.regions,
        key_slices=size.patients.key_slices,
    )
    return PairsJob(
        folder=folder,
        stream=Stream(pairs.seed, "train"),
        count=size.studies[dim],
        studies_per_patient=preset.studies_per_patient,
        population=replace(population, habits=size.patients.habits, protocol=protocol, look=USUAL),
        reporting=preset.reporting,
    )


def labelled_job(folder: Path, size: Size, split: str) -> LabelledJob:
    """The labelled cases of a split: the pool, then the held-out ones."""
    return LabelledJob(
        folder=folder,
        seed=SPLITS[split].labelled,
        train=size.pool + size.held_out,
        test=0,
        organs=size.organs,
        population=_labelled_population(size, split),
    )


def _labelled_population(size: Size, split: str) -> Population:
    # One field of view for all, so that nnU-Net plans the same patch for every split, and resamples nothing.
    population = find_preset("default").labelled
    protocol = replace(
        population.protocol,
        size=size.volume,
        spacing=size.spacing,
        zoom=(1.0, 1.0),
        partial=0.0,
        modalities=MODALITIES,
        contrasts=size.patients.weightings,
        regions=(size.patients.labelled_region,),
    )
    return replace(population, habits=size.patients.habits, protocol=protocol, look=SPLITS[split].look)


def sequences(size: Size, split: str) -> dict[str, str]:
    """Which MR sequence every labelled case was made with; of real ones nobody knows."""
    if size.real is not None:
        return {}
    job = labelled_job(Path(), size, split)
    stream = Stream(job.seed, "labelled")
    found = {}
    for number, name in enumerate(itertools.chain(*case_names(size))):
        patient = stream.patient(number, job.population.habits)
        # The scan is what a study's generator draws first.
        scan = draw_scan(np.random.default_rng(stream.study(number)), job.population.protocol, patient)
        found[name] = scan.contrast_name
    return found


def labels_present(size: Size, split: str) -> NDArray[np.bool_]:
    """Which held-out case has which label, `(C, O)`."""
    values = range(1, len(size.organs) + 1)
    return np.array([np.isin(values, label) for label in _held_out_labels(size, split)])


def _held_out_labels(size: Size, split: str) -> Iterator[NDArray[np.uint8]]:
    if size.real is not None:
        yield from (real_label(size.real, name) for name in case_names(size)[1])
        return
    job = labelled_job(Path(), size, split)
    stream = Stream(job.seed, "labelled")
    for number in range(size.pool, size.pool + size.held_out):
        study = draw_study(stream.patient(number, job.population.habits), stream.study(number), job.population)
        yield label_map(study, size.organs)


def case_names(size: Size) -> tuple[list[str], list[str]]:
    """The pool and the held-out cases, as `write_labelled` or nnU-Net names them.

    Raises:
        UserError: a real data set has too few for both.
    """
    if size.real is not None:
        names = real_names(size.real)
        if len(names) < size.pool + size.held_out:
            raise UserError(
                f"{size.real.cases} has {len(names)} labelled cases, --task {size.task} needs "
                f"{size.pool + size.held_out}: put the whole data set there"
            )
        return names[: size.pool], names[-size.held_out :]
    names = [f"labelled_{number:04d}" for number in range(size.pool + size.held_out)]
    return names[: size.pool], names[size.pool :]


def folds(size: Size, split: str) -> list[dict[str, list[str]]]:
    """nnU-Net's folds; `fold_of` and `teacher_fold` say which is whose. A seed's fewer cases are among its more."""
    pool, held_out = case_names(size)
    orders = [
        np.random.default_rng(SPLITS[split].finetuning + seed).permutation(pool).tolist()
        for seed in range(FINETUNING_SEEDS)
    ]
    drawn = [order[:cases] for cases in CASES for order in orders]
    others = [order[max(CASES) :][:TEACHER_CASES] for order in orders]
    return [{"train": cases, "val": held_out} for cases in (*drawn, *others)]


def write_folds(folders: Folders, size: Size, split: str) -> None:
    """Tell nnU-Net the folds; it makes up those that a file of an earlier version lacks."""
    write_json(folders.preprocessed(split) / "splits_final.json", folds(size, split))


def fold_of(cases: int, finetuning: int) -> int:
    """The fold of a number of cases and a finetuning seed's place."""
    return CASES.index(cases) * FINETUNING_SEEDS + finetuning


def teacher_fold(finetuning: int) -> int:
    """The fold of the cases that a finetuning seed's place never draws; they are none where the pool is small."""
    return len(CASES) * FINETUNING_SEEDS + finetuning


def labelled_dataset(folders: Folders, size: Size, split: str) -> None:
    """Write a split's dataset; nnU-Net plans and preprocesses it."""
    shutil.rmtree(folders.nnunet(split), ignore_errors=True)
    raw = folders.nnunet(split) / "nnUNet_raw" / DATASET_NAME
    if size.real is None:
        write_labelled(labelled_job(raw, size, split))
    else:
        copy_labelled(raw, size.real, size.organs)
    with variables(nnunet_variables(folders, split)), threads_for_processes():
        _plan_and_preprocess(size)


def nnunet_variables(folders: Folders, split: str) -> dict[str, str]:
    """nnU-Net's folders of a split."""
    return {name: str(folders.nnunet(split) / name) for name in ("nnUNet_raw", "nnUNet_preprocessed")}


def _plan_and_preprocess(size: Size) -> None:
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api
    from nnunetv2.experiment_planning.experiment_planners.default_experiment_planner import ExperimentPlanner

    class SmallPlanner(ExperimentPlanner):
        """nnU-Net's planner for narrow networks, small patches and small batches."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.UNet_featuremap_min_edge_length = size.smallest_edge

        def save_plans(self, plans: dict[str, Any]) -> None:
            for name, network in size.networks.items():
                planned = plans["configurations"][name]
                # As nnU-Net plans where a patch shows a small part of a case: Dice over the batch.
                planned |= {"patch_size": list(network.patch), "batch_size": network.batch, "batch_dice": True}
                arguments = planned["architecture"]["arch_kwargs"]
                stages: int = arguments["n_stages"]
                arguments["features_per_stage"] = [network.features << stage for stage in range(stages)]
                arguments["n_conv_per_stage"] = [network.convolutions] * stages
                arguments["n_conv_per_stage_decoder"] = [network.convolutions] * (stages - 1)
            super().save_plans(plans)

    api.extract_fingerprint_dataset(DATASET, num_processes=1, show_progress_bar=False)
    api.plan_experiment_dataset(DATASET, SmallPlanner)
    api.preprocess_dataset(DATASET, configurations=tuple(size.networks), num_processes=(1,), show_progress_bar=False)
