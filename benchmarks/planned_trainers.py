"""Trainers of a configuration as nnU-Net plans it, on a dataset that exists only as far as they look at it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nnunetv2_mosmos.attach.attachment import Attachment, write_attachment
from pretraining.bundle.bundle import Bundle, write_bundle
from pretraining.bundle.info import BundledTag, BundleInfo
from pretraining.bundle.parts import build_parts
from pretraining.image.normalization import Normalization
from pretraining.image.plans import read_plan
from pretraining.image.spec import EncoderSpec, cumulative_strides, map_stage_of
from pretraining.tags.vocabulary import load_vocabulary

DATASET = "Dataset999_Overhead"
CASES = 100
CASE = "case"
ORGANS = ("liver", "spleen", "kidney_left", "kidney_right", "pancreas", "stomach", "aorta", "gallbladder")
# Abdominal CT: the bundle's differ from the dataset's, as always, so that the network maps one to the other.
INTENSITIES = {"mean": 80.0, "median": 85.0, "std": 140.0, "min": -1000.0, "max": 2000.0}
INTENSITIES |= {"percentile_00_5": -900.0, "percentile_99_5": 300.0}
BUNDLE_NORMALIZATION = Normalization("ct", -1000, 1000, 0, 400)
PLANNERS = {"plainconv": "ExperimentPlanner", "resenc": "nnUNetPlannerResEncM"}
ARMS = ("plain", "mosmos")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which network to plan.

    Attributes:
        configuration: `2d` or `3d_fullres`.
        encoder: `plainconv` for nnU-Net's default planner, `resenc` for its residual encoder preset M.
        volume: extents of the dataset's volumes, from which nnU-Net derives patch, strides and widths.
        batch_size: patches a step; None for what nnU-Net plans.
        embedding_dim: length of the bundle's pixel embeddings.
    """

    configuration: str
    encoder: str
    volume: tuple[int, ...]
    batch_size: int | None
    embedding_dim: int


def prepare(home: Path, plan: Plan) -> Any:
    """Set up nnU-Net's three folders with a planned dataset and an attached bundle of random weights.

    Args:
        home: an empty folder; nnU-Net's environment variables will name folders in it.
        plan: what to plan.

    Returns:
        The planned configuration.
    """
    enter(home)
    for folder in (Path(os.environ["nnUNet_raw"]) / DATASET, preprocessed(), Path(os.environ["nnUNet_results"])):
        folder.mkdir(parents=True)
    _describe_dataset(plan.volume)
    plans = _plan(plan)
    (home / "plans.json").write_text(json.dumps(plans), encoding="utf-8")
    _write_case(plans["configurations"][plan.configuration]["data_identifier"], plan.volume)
    bundle = _write_bundle(home, plan)
    write_attachment(
        preprocessed(), Attachment(bundle.path, bundle.info.weights_sha256, {organ: organ for organ in ORGANS})
    )
    return plans["configurations"][plan.configuration]


def enter(home: Path) -> None:
    """Point nnU-Net's environment variables at a prepared home."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(home / name)
    os.environ.pop("MOSMOS_BUNDLE", None)


def preprocessed() -> Path:
    """The dataset's preprocessed folder."""
    return Path(os.environ["nnUNet_preprocessed"]) / DATASET


def build_trainer(home: Path, configuration: str, arm: str, device: torch.device) -> Any:
    """A trainer through nnU-Net's own set-up, with its network compiled where nnU-Net compiles it.

    Args:
        home: prepared.
        configuration: name in the plans.
        arm: `plain` or `mosmos`.
        device: where it trains.
    """
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS

    enter(home)
    plans = json.loads((home / "plans.json").read_text(encoding="utf-8"))
    # One case trains and validates: nnU-Net's fold of that name.
    fold: Any = "all"
    dataset_json = json.loads((preprocessed() / "dataset.json").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    with redirect_stdout(io.StringIO()):
        trainer = (nnUNetTrainerMOSMOS if arm == "mosmos" else nnUNetTrainer)(
            {**plans, "continue_training": False}, configuration, fold, dataset_json, device
        )
        trainer.initialize()
        trainer.set_deep_supervision_enabled(True)
    trainer.network.train()
    return trainer


def random_batch(trainer: Any, generator: torch.Generator) -> dict[str, Any]:
    """What nnU-Net's loader would yield: an image batch, and its labels at every resolution that is supervised.

    Args:
        trainer: initialized.
        generator: of the random values.

    Returns:
        `data` `(B, 1, *S)` and `target`, a list of `(B, 1, *S / stride)`.
    """
    configuration = trainer.configuration_manager
    shape = (configuration.batch_size, 1, *configuration.patch_size)
    coarse = [max(1, extent // 16) for extent in configuration.patch_size]
    labels = torch.randint(0, len(ORGANS) + 1, (shape[0], 1, *coarse), generator=generator).float()
    labels = functional.interpolate(labels, size=tuple(configuration.patch_size), mode="nearest").to(torch.int16)
    target = [_subsample(labels, scale) for scale in trainer._get_deep_supervision_scales()]
    return {"data": torch.randn(shape, generator=generator), "target": target}


def _subsample(labels: Tensor, scales: Sequence[float]) -> Tensor:
    steps = [1, 1, *(round(1 / scale) for scale in scales)]
    return labels[tuple(slice(None, None, step) for step in steps)].contiguous()


def _describe_dataset(volume: Sequence[int]) -> None:
    """What nnU-Net's planner reads: the description and the fingerprint."""
    description = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, **{organ: value for value, organ in enumerate(ORGANS, start=1)}},
        "numTraining": CASES,
        "file_ending": ".nii.gz",
        "overwrite_image_reader_writer": "SimpleITKIO",
        "dataset": {CASE: {"images": [f"{CASE}_0000.nii.gz"], "label": f"{CASE}.nii.gz"}},
    }
    fingerprint = {
        "spacings": [[1.0] * 3] * CASES,
        "shapes_after_crop": [list(volume)] * CASES,
        "foreground_intensity_properties_per_channel": {"0": INTENSITIES},
        "median_relative_size_after_cropping": 1.0,
    }
    raw = Path(os.environ["nnUNet_raw"]) / DATASET
    (raw / "dataset.json").write_text(json.dumps(description), encoding="utf-8")
    (preprocessed() / "dataset_fingerprint.json").write_text(json.dumps(fingerprint), encoding="utf-8")


def _plan(plan: Plan) -> dict[str, Any]:
    from nnunetv2.experiment_planning.plan_and_preprocess_api import plan_experiments

    with redirect_stdout(io.StringIO()):
        identifier = plan_experiments([int(DATASET[7:10])], PLANNERS[plan.encoder])
    plans: dict[str, Any] = json.loads((preprocessed() / f"{identifier}.json").read_text(encoding="utf-8"))
    if plan.batch_size is not None:
        plans["configurations"][plan.configuration]["batch_size"] = plan.batch_size
    return plans


def _write_case(data_identifier: str, volume: Sequence[int]) -> None:
    """One preprocessed case: trainers look for its format and count its labels."""
    from nnunetv2.training.dataloading.nnunet_dataset import nnUNetDatasetBlosc2

    folder = preprocessed() / data_identifier
    folder.mkdir()
    generator = np.random.default_rng(0)
    shape = (1, *volume)
    image = generator.normal(size=shape).astype(np.float32)
    labels = generator.integers(0, len(ORGANS) + 1, shape).astype(np.int16)
    nnUNetDatasetBlosc2.save_case(image, labels, {}, str(folder / CASE), chunks=shape, blocks=shape)


def _write_bundle(home: Path, plan: Plan) -> Bundle:
    """Random weights of the planned encoder: what a step costs does not depend on what was learned."""
    planned = read_plan(home / "plans.json", plan.configuration)
    spec = EncoderSpec(planned.kind, planned.dim, 1, planned.arguments)
    strides = cumulative_strides(spec)
    stage = map_stage_of(strides)
    info = BundleInfo(
        encoder=spec,
        map_stage=stage,
        map_stride=strides[stage],
        embedding_dim=plan.embedding_dim,
        image_size=planned.patch_size,
        temperature=0.07,
        attention_temperature=0.07,
        tags=tuple(BundledTag(organ, (organ,), 1) for organ in ORGANS),
        vocabulary=load_vocabulary().to_dict(),
        text_encoder={"id": "none", "hash": ""},
        normalization=BUNDLE_NORMALIZATION,
    )
    torch.manual_seed(0)
    tensors = nn.ModuleDict(build_parts(info)).state_dict()
    tensors["tag_embeddings"] = functional.normalize(torch.randn(len(ORGANS), plan.embedding_dim), dim=1)
    return write_bundle(home / "bundle", info, tensors)
