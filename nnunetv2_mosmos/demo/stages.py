"""The demo's commands, in order."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from nnunetv2_mosmos.demo.settings import CONFIGURATIONS, CONTROLLED, DATASET, Folders, Settings

# A small network at the resolution of the labelled volumes: its stages are those that nnU-Net plans for them.
_PRETRAINING = shlex.split(
    "--encoder plainconv --stages 3 --map-stride 4 --image-size 48 48 --embedding-dim 64 --scratch-hidden-size 32 "
    "--scratch-layers 1 --max-tokens 64 --batch-size 16 --learning-rate 1e-3 --contrastive-weight 0.1 --workers 0 "
    "--device cpu"
)


@dataclass(frozen=True)
class Stage:
    """One command.

    Attributes:
        title: what it does. command: as typed. epochs: of a training of nnU-Net, which shows no progress bar of its
            own; else 0.
    """

    title: str
    command: tuple[str, ...]
    epochs: int = 0


def demo_stages(folders: Folders, settings: Settings) -> list[Stage]:
    """All commands from nothing to predictions."""
    return [*_pretraining(folders, settings), *_planning(folders), *_finetuning(folders, settings)]


def _pretraining(folders: Folders, settings: Settings) -> list[Stage]:
    phantom = [
        "mosmos_pretrain",
        "phantom",
        "--output",
        folders.phantom,
        "--preset",
        "demo",
        "--studies",
        settings.studies,
    ]
    phantom += ["--labelled", settings.labelled, "--labelled-test", settings.test]
    prepare = ["mosmos_pretrain", "prepare", "--input", folders.phantom / "pairs.csv", "--image-root", folders.phantom]
    train = [
        "mosmos_pretrain",
        "train",
        "--data",
        folders.prepared,
        "--output",
        folders.run,
        "--epochs",
        settings.epochs,
    ]
    evaluate = ["mosmos_pretrain", "evaluate", "--run", folders.run, "--data", folders.prepared]
    evaluate += ["--masks", folders.phantom / "masks", "--json", folders.evaluation, "--workers", 0, "--device", "cpu"]
    return [
        _stage("synthetic patients", phantom),
        _stage("read images and reports, mine tags", [*prepare, "--output", folders.prepared]),
        _stage("pretrain on images and reports", [*train, *_PRETRAINING]),
        _stage("evaluate on held-out studies", evaluate),
        _stage("export the bundle", ["mosmos_pretrain", "export", "--run", folders.run, "--output", folders.bundle]),
    ]


def _planning(folders: Folders) -> list[Stage]:
    plan = ["nnUNetv2_plan_and_preprocess", "-d", DATASET, "-c", *CONFIGURATIONS, "-npfp", 1, "-np", 1, 1]
    return [
        _stage("hand the labelled cases to nnU-Net", ["cp", "-r", folders.phantom / "labelled", folders.raw]),
        _stage("plan and preprocess", plan),
        _stage("attach the bundle", ["nnUNetv2_mosmos_attach", "-d", DATASET, "-b", folders.bundle]),
    ]


def _finetuning(folders: Folders, settings: Settings) -> list[Stage]:
    trainings = [(configuration, settings.trainer, "") for configuration in CONFIGURATIONS]
    trainings.append((CONTROLLED, settings.control, " from scratch"))
    stages = []
    for configuration, trainer, how in trainings:
        train = ["nnUNetv2_train", DATASET, configuration, 0, "-tr", trainer, "-device", "cpu"]
        stages.append(_stage(f"finetune {configuration}{how}", train, settings.trainer_epochs))
    for configuration, trainer, how in trainings:
        predict = ["nnUNetv2_predict", "-d", DATASET, "-c", configuration, "-f", 0, "-tr", trainer]
        predict += ["-i", folders.raw / "imagesTs", "-o", folders.predictions(configuration, trainer)]
        stages.append(_stage(f"predict with {configuration}{how}", [*predict, "-device", "cpu", "-npp", 0, "-nps", 0]))
    return stages


def _stage(title: str, words: list[object], epochs: int = 0) -> Stage:
    return Stage(title, tuple(str(word) for word in words), epochs)
