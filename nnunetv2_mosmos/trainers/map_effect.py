"""What the maps of a trained network are worth: Dice without them, and with them in the wrong places.

Maps must not be decoration (METHOD 2.5). After the final validation up to 8 of its cases are predicted three times:
with the maps as they are, zeroed, and shuffled. No mirroring, so that all of it takes as long as three cases of
nnU-Net's own validation in 3D, six in 2D.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from batchgenerators.utilities.file_and_folder_operations import save_json
from nnunetv2.evaluation.evaluate_predictions import compute_metrics
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot

from nnunetv2_mosmos.labels.tags import foreground_labels
from nnunetv2_mosmos.networks.any_network import AnyNetwork
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.map_probes import InjectionNorms, changed_maps, shuffled, zeroed

EFFECT_FILE = "map_effect.json"
MOST_CASES = 8
MEAN = "mean"
CHANGES = {"zeroed": zeroed, "shuffled": shuffled}

DiceByLabel = dict[str, float]


@dataclass(frozen=True)
class MapEffect:
    """Dice with and without maps.

    Attributes:
        cases: the validation cases that were predicted.
        dice: by `maps` (as they are), `zeroed` and `shuffled`, then by label; the mean over labels as `mean`. NaN for a
            label that no case shows.
        injection: for every entrance, the norm of what maps add over the norm of what they are added to.
    """

    cases: Sequence[str]
    dice: dict[str, DiceByLabel]
    injection: dict[str, float]

    @property
    def change(self) -> dict[str, DiceByLabel]:
        """Dice with changed maps minus Dice with the maps as they are: below 0 where the network needs them."""
        kept = self.dice["maps"]
        return {name: {label: self.dice[name][label] - kept[label] for label in kept} for name in CHANGES}

    def to_dict(self) -> dict[str, Any]:
        """The contents of `map_effect.json`; null stands for NaN."""
        dice, change = (
            {
                name: {label: None if math.isnan(one) else one for label, one in row.items()}
                for name, row in table.items()
            }
            for table in (self.dice, self.change)
        )
        return {"cases": list(self.cases), "dice": dice, "change": change, "injection": self.injection}

    def lines(self) -> list[str]:
        """For the log: one line a label, then one an entrance."""
        change = self.change
        lines = [f"What the maps are worth, on {len(self.cases)} validation case(s) without mirroring ({EFFECT_FILE}):"]
        for label, dice in self.dice["maps"].items():
            words = ", ".join(f"{name} {change[name][label]:+.4f}" for name in CHANGES)
            lines.append(f"  Dice {label}: {dice:.4f}; with maps {words}")
        for name, ratio in self.injection.items():
            lines.append(f"  {name}: what the maps add has {100 * ratio:.2f} % of the norm of what they are added to")
        return lines


def report_map_effect(trainer: nnUNetTrainer, network: MosmosNetwork | AnyNetwork) -> None:
    """Measure, write `map_effect.json` into the fold's folder, and tell the log.

    Args:
        trainer: after its validation.
        network: the trained network itself, below DistributedDataParallel and torch.compile.
    """
    cases = chosen_cases(trainer.do_split()[1], MOST_CASES)
    trainer.set_deep_supervision_enabled(False)
    with InjectionNorms(network) as norms:
        dice = {"maps": _dice(trainer, network, cases)}
    for name, change in CHANGES.items():
        with changed_maps(network, change):
            dice[name] = _dice(trainer, network, cases)
    trainer.set_deep_supervision_enabled(True)
    effect = MapEffect(cases, dice, norms.ratios())
    save_json(effect.to_dict(), str(Path(trainer.output_folder) / EFFECT_FILE), sort_keys=False)
    for line in effect.lines():
        trainer.print_to_log_file(line)


def chosen_cases(keys: Sequence[str], most: int) -> list[str]:
    """Up to `most` cases, spread evenly over the sorted ones."""
    ordered = sorted(keys)
    count = min(len(ordered), most)
    return [ordered[index * len(ordered) // count] for index in range(count)]


def _dice(trainer: nnUNetTrainer, network: MosmosNetwork | AnyNetwork, cases: Sequence[str]) -> DiceByLabel:
    dataset = trainer.dataset_class(
        trainer.preprocessed_dataset_folder,
        list(cases),
        folder_with_segs_from_previous_stage=trainer.folder_with_segs_from_previous_stage,
    )
    predictor = nnUNetPredictor(use_mirroring=False, device=trainer.device, allow_tqdm=False)
    predictor.manual_initialization(
        network,
        trainer.plans_manager,
        trainer.configuration_manager,
        None,
        trainer.dataset_json,
        type(trainer).__name__,
        None,
    )
    with TemporaryDirectory() as folder:
        scores = [_case_dice(trainer, predictor, dataset, case, f"{folder}/{case}") for case in cases]
    with warnings.catch_warnings():
        # A label that no case shows has no Dice.
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        means = {label: float(np.nanmean([score[label] for score in scores])) for label in scores[0]}
        return {MEAN: float(np.nanmean(list(means.values()))), **means}


def _case_dice(trainer: nnUNetTrainer, predictor: nnUNetPredictor, dataset: Any, case: str, target: str) -> DiceByLabel:
    """Predict a case as nnU-Net's validation does, and compare it in the geometry of its file."""
    data, _, previous, properties = dataset.load_case(case)
    data = data[:]
    if trainer.is_cascaded:
        labels = trainer.label_manager.foreground_labels
        data = np.vstack((data, convert_labelmap_to_one_hot(previous[:], labels, output_dtype=data.dtype)))
    logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(data)).cpu()
    export_prediction_from_logits(
        logits, properties, trainer.configuration_manager, trainer.plans_manager, trainer.dataset_json, target
    )
    ending = trainer.dataset_json["file_ending"]
    classes = foreground_labels(trainer.dataset_json["labels"])
    metrics = compute_metrics(
        f"{trainer.preprocessed_dataset_folder_base}/gt_segmentations/{case}{ending}",
        target + ending,
        trainer.plans_manager.image_reader_writer_class(),
        list(classes.values()),
        trainer.label_manager.ignore_label,
    )["metrics"]
    return {label: float(metrics[values]["Dice"]) for label, values in classes.items()}
