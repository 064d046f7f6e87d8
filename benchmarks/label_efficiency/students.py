"""Trains networks on images of reports, as other networks label them and reports check it: `nnUNetv2_mosmos_label`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess_dataset
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from torch import Tensor

from benchmarks.label_efficiency.cells import Student
from benchmarks.label_efficiency.design import FAMILIES, Size
from benchmarks.label_efficiency.finetune import begin, build_trainer, keep_weights, start, surroundings
from benchmarks.label_efficiency.folders import DATASET, DATASET_NAME, PLANS, Folders, variables, write_json
from benchmarks.label_efficiency.patients import case_names, fold_of
from nnunetv2_mosmos.labels.tags import resolve_label_tags
from nnunetv2_mosmos.selftraining.agreement import ReportCheck
from nnunetv2_mosmos.selftraining.label_images import label_images
from nnunetv2_mosmos.selftraining.network import Network
from pretraining.data.corpus import read_vocabulary
from pretraining.studies.manifest import read_manifest

STUDENTS_DATASET = DATASET + 1
STUDENTS_NAME = f"Dataset{STUDENTS_DATASET}_LabelEfficiencyFromReports"


def learn_from_reports(student: Student, folders: Folders, size: Size) -> dict[str, Any]:
    """Label the images of a pretraining's reports, train a network on them, and keep its weights.

    Args:
        student: whose teacher has learned, and whose pairs are prepared.
        folders: of the benchmark.
        size: of everything.

    Returns:
        What the record keeps.
    """
    cell = student.teacher.cell
    with TemporaryDirectory(dir=folders.root) as scratch, surroundings(student, folders):
        raw, preprocessed = (Path(scratch) / name for name in ("nnUNet_raw", "nnUNet_preprocessed"))
        record = _label(student, folders, size, raw / STUDENTS_NAME)
        plans = json.loads(folders.plans(cell.split).read_text(encoding="utf-8"))
        # What `nnUNetv2_move_plans_between_datasets` does.
        write_json(preprocessed / STUDENTS_NAME / PLANS, {**plans, "dataset_name": STUDENTS_NAME})
        shutil.copy(raw / STUDENTS_NAME / "dataset.json", preprocessed / STUDENTS_NAME)
        # The trainer keeps it beside its results, and reads nothing of it.
        shutil.copy(folders.preprocessed(cell.split) / "dataset_fingerprint.json", preprocessed / STUDENTS_NAME)
        with variables({"nnUNet_raw": str(raw), "nnUNet_preprocessed": str(preprocessed)}):
            configuration = FAMILIES[cell.family].configuration
            preprocess_dataset(
                STUDENTS_DATASET, configurations=(configuration,), num_processes=(1,), show_progress_bar=False
            )
            trainer = build_trainer(cell, "all", preprocessed / STUDENTS_NAME, size)
            start(trainer, cell, size)
            trainer.run_training()
    keep_weights(trainer, folders.weights(student))
    return {"labelled_images": record}


def _label(student: Student, folders: Folders, size: Size, folder: Path) -> dict[str, Any]:
    """Write the raw dataset of a student; returns what became of the images."""
    cell = student.teacher.cell
    trainer = begin(cell, fold_of(cell.cases, cell.finetuning), folders, size)
    learned = [torch.load(folders.weights(teacher)) for teacher in student.teachers]
    data = folders.prepared(student.needs)
    vocabulary = read_vocabulary(data)
    tags = resolve_label_tags(trainer.dataset_json["labels"], vocabulary, vocabulary.ids)
    studies = [study for study in read_manifest(data) if study.split == "train"]
    check = ReportCheck(tags, vocabulary, check=student.check)
    return label_images(_network(trainer, learned, folders, size, cell.split), data, studies, check, folder).counts()


def _network(
    trainer: nnUNetTrainer, learned: Sequence[dict[str, Tensor]], folders: Folders, size: Size, split: str
) -> Network:
    """The average of what a trainer's networks have learned, as nnU-Net's final validation predicts with one."""
    trainer.set_deep_supervision_enabled(False)
    trainer.network.eval()
    # Decides along which axes prediction mirrors.
    trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()
    predictor = nnUNetPredictor(device=trainer.device, perform_everything_on_device=False, allow_tqdm=False)
    predictor.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        learned,
        trainer.dataset_json,
        type(trainer).__name__,
        trainer.inference_allowed_mirroring_axes,
    )
    case = case_names(size)[0][0]
    images = folders.nnunet(split) / "nnUNet_raw" / DATASET_NAME / "imagesTr"
    return Network(predictor, [str(images / f"{case}_0000{trainer.dataset_json['file_ending']}")])
