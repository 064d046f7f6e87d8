"""What the demo measured, and whether it is good enough."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnunetv2_mosmos.demo.scores import dataset_labels, dice_per_case, dice_per_organ, mean_of
from nnunetv2_mosmos.demo.settings import (
    CONFIGURATIONS,
    CONTROLLED,
    LEAST_DICE,
    LEAST_PRECISION,
    MISSING_AT_RANDOM,
    Folders,
    Settings,
)

_MAP_EFFECT = "map_effect.json"

Cases = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Results:
    """What the demo measured.

    Attributes:
        cases: configuration to test case to organ to Dice.
        control: the same of `CONTROLLED` trained from scratch.
        effects: configuration to the change of mean Dice when the maps are zeroed.
        evaluation: of pretraining on held-out studies, what `mosmos_pretrain evaluate` writes.
    """

    cases: Mapping[str, Cases]
    control: Cases
    effects: Mapping[str, float]
    evaluation: Mapping[str, Any]

    @property
    def dice(self) -> dict[str, dict[str, float]]:
        """Configuration, or the control, to organ to mean Dice."""
        columns = {**self.cases, f"{CONTROLLED} from scratch": self.control}
        return {name: dice_per_organ(cases) for name, cases in columns.items()}

    @property
    def mean_dice(self) -> dict[str, float]:
        """The same, mean over organs."""
        return {name: mean_of(organs) for name, organs in self.dice.items()}

    @property
    def precision(self) -> dict[str, float]:
        """Organ of `MISSING_AT_RANDOM` to the average precision of its maps, in units of chance."""
        located = self.evaluation["overall"]["localization"]["per_tag"]
        found = {organ: located[organ]["attention"] for organ in MISSING_AT_RANDOM if organ in located}
        return {organ: entry["average_precision"] / entry["prevalence"] for organ, entry in found.items()}

    def shortfalls(self) -> list[str]:
        """What was not reached, a sentence each; empty when all was. NaN counts as not reached."""
        low = [
            f"mean Dice of {configuration} is {self.mean_dice[configuration]:.2f}, below {LEAST_DICE}"
            for configuration in self.cases
            if not self.mean_dice[configuration] >= LEAST_DICE
        ]
        precision = mean_of(self.precision)
        if not precision >= LEAST_PRECISION:
            low.append(f"attention maps are {precision:.1f} times as precise as chance, not {LEAST_PRECISION}")
        return low


def gather(folders: Folders, settings: Settings) -> Results:
    """Score the predictions, and read what evaluation and training left."""
    labels, truths = dataset_labels(folders.raw), folders.raw / "labelsTs"

    def cases(configuration: str, trainer: str) -> dict[str, dict[str, float]]:
        return dice_per_case(folders.predictions(configuration, trainer), truths, labels)

    def effect(configuration: str) -> float:
        file = folders.model(configuration, settings.trainer) / _MAP_EFFECT
        change: float | None = json.loads(file.read_text(encoding="utf-8"))["change"]["zeroed"]["mean"]
        return float("nan") if change is None else change

    return Results(
        cases={name: cases(name, settings.trainer) for name in CONFIGURATIONS},
        control=cases(CONTROLLED, settings.control),
        effects={name: effect(name) for name in CONFIGURATIONS},
        evaluation=json.loads(folders.evaluation.read_text(encoding="utf-8")),
    )


def describe(results: Results) -> str:
    """The scores as a table for the terminal."""
    lines = []
    for name, organs in results.dice.items():
        lines.append(f"Dice on test cases, {name}")
        lines += [f"  {organ:<14}{value:6.2f}" for organ, value in organs.items()]
        lines.append(f"  {'mean':<14}{results.mean_dice[name]:6.2f}")
    lines.append("Average precision of attention maps on held-out studies, times chance")
    lines += [f"  {organ:<14}{value:6.2f}" for organ, value in results.precision.items()]
    lines.append(f"  {'mean':<14}{mean_of(results.precision):6.2f}")
    return "\n".join(lines)
