"""Gathers what the demo measured, says it, and writes the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nnunetv2_mosmos.demo import figures
from nnunetv2_mosmos.demo.page import Number, Section, render_page, score_table
from nnunetv2_mosmos.demo.scores import (
    MappedStudy,
    dataset_labels,
    dice_per_organ,
    localization,
    map_held_out,
    mean_of,
)
from nnunetv2_mosmos.demo.settings import CONFIGURATIONS, LEAST_AUROC, LEAST_DICE, Folders, Settings

_SHOWN_STUDIES = 3
_SHOWN_CASES = 3


@dataclass(frozen=True)
class Results:
    """What the demo measured.

    Attributes:
        dice: configuration to organ to mean Dice on the test cases.
        maps: organ to `auroc`, `average_precision`, `hit`, `prevalence`, `studies` on the held-out studies.
    """

    dice: Mapping[str, Mapping[str, float]]
    maps: Mapping[str, Mapping[str, float]]

    @property
    def mean_dice(self) -> dict[str, float]:
        """Configuration to mean Dice over organs."""
        return {configuration: mean_of(organs) for configuration, organs in self.dice.items()}

    @property
    def auroc(self) -> float:
        """Mean over organs."""
        return mean_of({organ: scores["auroc"] for organ, scores in self.maps.items()})

    def shortfalls(self) -> list[str]:
        """What was not reached, a sentence each; empty when all was. NaN counts as not reached."""
        low = [
            f"mean Dice of {configuration} is {value:.2f}, below {LEAST_DICE}"
            for configuration, value in self.mean_dice.items()
            if not value >= LEAST_DICE
        ]
        if not self.auroc >= LEAST_AUROC:
            low.append(f"mean AUROC of the attention maps is {self.auroc:.2f}, below {LEAST_AUROC}")
        return low


def gather(folders: Folders) -> tuple[Results, list[MappedStudy]]:
    """Score predictions and maps; also returns the mapped held-out studies."""
    labels = dataset_labels(folders.raw)
    studies = list(map_held_out(folders.bundle, folders.held_out, list(labels)))
    truths = folders.raw / "labelsTs"
    dice = {name: dice_per_organ(folders.predictions(name), truths, labels) for name in CONFIGURATIONS}
    return Results(dice, localization(studies, list(labels))), studies


def describe(results: Results) -> str:
    """The scores as a table for the terminal."""
    lines = []
    for configuration, organs in results.dice.items():
        lines.append(f"Dice on test cases, {configuration}")
        lines += [f"  {organ:<14}{value:6.2f}" for organ, value in organs.items()]
        lines.append(f"  {'mean':<14}{results.mean_dice[configuration]:6.2f}")
    lines.append("AUROC of attention maps on held-out studies")
    lines += [f"  {organ:<14}{scores['auroc']:6.2f}" for organ, scores in results.maps.items()]
    lines.append(f"  {'mean':<14}{results.auroc:6.2f}")
    return "\n".join(lines)


def write_report(
    folders: Folders,
    settings: Settings,
    results: Results,
    studies: Sequence[MappedStudy],
    commands: Sequence[str],
    seconds: float,
) -> Path:
    """Write `report.html`; returns its path."""
    labels = dataset_labels(folders.raw)
    organs = list(labels)
    numbers = [
        *(
            Number(f"{value:.2f}", f"mean Dice, {name}", value >= LEAST_DICE)
            for name, value in results.mean_dice.items()
        ),
        Number(f"{results.auroc:.2f}", "AUROC of attention maps (0.5 is chance)", results.auroc >= LEAST_AUROC),
        Number(str(settings.studies), "image-report pairs to pretrain on"),
        Number(str(settings.labelled), "labelled volumes to finetune on"),
        Number(f"{seconds / 60:.1f} min", "on this machine, all in all"),
    ]
    shown = sorted(studies, key=lambda study: -sum(study.shows(organ) for organ in organs))[:_SHOWN_STUDIES]
    logs = {name: finetuning_log(folders.model(name, settings.trainer)) for name in CONFIGURATIONS}
    sections = [
        Section("How pretraining went", "", figures.pretraining_curves(folders.run / "metrics.jsonl")),
        Section(
            "Where the words point",
            "Held-out slices, and for every organ the cosine of pixel and tag embeddings. Nobody drew an outline for "
            "the network: it has seen only images and reports. Green: where the organ really is.",
            figures.attention_gallery(shown, organs),
            wide=True,
        ),
        Section("How well the maps lie on the organs", table=map_table(results, organs)),
        Section("How finetuning went", "", figures.finetuning_curves(logs)),
        Section(
            "Predictions on test cases",
            "",
            figures.prediction_gallery(
                folders.raw / "imagesTs",
                folders.raw / "labelsTs",
                {name: folders.predictions(name) for name in CONFIGURATIONS},
                labels,
                _SHOWN_CASES,
            ),
            wide=True,
        ),
        Section("Dice of each organ", table=score_table(results.dice, organs, "organ")),
        Section(
            "The commands",
            "As you would type them, with nnU-Net's three folders in the environment.",
            commands=commands,
        ),
    ]
    introduction = (
        "Synthetic bodies, not patients: this page shows that every step works together on this machine, not how the "
        "method does on real images."
    )
    path = folders.root / "report.html"
    path.write_text(render_page("MOSMOS for nnU-Net: demo", introduction, numbers, sections), encoding="utf-8")
    return path


def map_table(results: Results, organs: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Scores of the maps, an organ a row."""
    columns: dict[str, dict[str, float]] = {
        title: {organ: scores[key] for organ, scores in results.maps.items()}
        for title, key in (
            ("AUROC", "auroc"),
            ("average precision", "average_precision"),
            ("share of pixels", "prevalence"),
            ("peak inside", "hit"),
            ("studies", "studies"),
        )
    }
    return score_table(columns, organs, "organ")


def finetuning_log(model: Path) -> dict[str, Any]:
    """What nnU-Net logged of a training: lists with one entry an epoch."""
    import torch

    # Our own training wrote it a minute ago; nnU-Net's checkpoints hold more than tensors.
    checkpoint = torch.load(model / "checkpoint_final.pth", map_location="cpu", weights_only=False)
    log = checkpoint["logging"]
    return {key: np.asarray(log[key], float).tolist() for key in ("train_losses", "val_losses", "mean_fg_dice")}
