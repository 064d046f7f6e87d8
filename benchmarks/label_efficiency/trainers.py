"""The trainers of the arms: the plugin's own, and controls that only this benchmark needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_mosmos.settings import MosmosSettings, Recipe
from nnunetv2_mosmos.trainers import (
    nnUNetTrainerMOSMOS,
    nnUNetTrainerMOSMOS_encoderOnly,
    nnUNetTrainerMOSMOS_mapsOnly,
    nnUNetTrainerMOSMOS_randomTags,
    nnUNetTrainerMOSMOS_scratch,
    nnUNetTrainerMOSMOS_UNETR,
)
from nnunetv2_mosmos.trainers.start import fresh_start


class nnUNetTrainerMOSMOS_mapsUntrained(nnUNetTrainerMOSMOS):  # noqa: N801 (nnU-Net's way)
    """Maps and auxiliary loss without anything pretrained: random encoder, random tag embeddings."""

    recipe = Recipe(encoder=False, random_tags=True)


class nnUNetTrainerMOSMOS_UNETR_encoderOnly(nnUNetTrainerMOSMOS_UNETR):  # noqa: N801
    """UNETR with the bundle's transformer, no maps."""

    recipe = Recipe(network="unetr", maps=False)


class nnUNetTrainerMOSMOS_UNETR_scratch(nnUNetTrainerMOSMOS_UNETR):  # noqa: N801
    """UNETR as wide and deep as the bundle's transformer, with random weights and no maps."""

    recipe = Recipe(network="unetr", encoder=False, maps=False)

    def _choose_settings(
        self, plans: dict[str, Any], configuration: str, dataset_json: dict[str, Any], device: torch.device
    ) -> MosmosSettings:
        name = type(self).__name__
        return fresh_start(plans, configuration, dataset_json, self.recipe, name, device).binding.settings


TRAINERS: Mapping[str, type[nnUNetTrainer]] = {
    "plain": nnUNetTrainer,
    "scratch": nnUNetTrainerMOSMOS_scratch,
    "maps_untrained": nnUNetTrainerMOSMOS_mapsUntrained,
    "encoder": nnUNetTrainerMOSMOS_encoderOnly,
    "maps": nnUNetTrainerMOSMOS_mapsOnly,
    "both": nnUNetTrainerMOSMOS,
    "random_tags": nnUNetTrainerMOSMOS_randomTags,
}
"""Trainers of U-Nets by `Arm.trainer`."""
UNETR_TRAINERS: Mapping[str, type[nnUNetTrainer]] = {
    "scratch": nnUNetTrainerMOSMOS_UNETR_scratch,
    "encoder": nnUNetTrainerMOSMOS_UNETR_encoderOnly,
    "both": nnUNetTrainerMOSMOS_UNETR,
}
