"""The trainer with the paper's network, UNETR, in the place of the planned U-Net."""

from __future__ import annotations

import torch

from nnunetv2_mosmos.settings import Recipe
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.schedule import GroupedPolyLRScheduler
from nnunetv2_mosmos.trainers.variants import DEMO, SMOKE

# UNETR (Hatamizadeh et al., WACV 2022) trains with AdamW at these.
LEARNING_RATE, WEIGHT_DECAY = 1e-4, 1e-5


class nnUNetTrainerMOSMOS_UNETR(nnUNetTrainerMOSMOS):
    """UNETR on the planned patch, with the bundle's vision transformer; AdamW with a warm-up."""

    recipe = Recipe(network="unetr")
    warms_all = True

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, GroupedPolyLRScheduler]:
        """AdamW; every rate rises at the start, those of pretrained weights to a lower value."""
        self.initial_lr, self.weight_decay = LEARNING_RATE, WEIGHT_DECAY
        optimizer = torch.optim.AdamW(self._parameter_groups(), self.initial_lr, weight_decay=self.weight_decay)
        return optimizer, GroupedPolyLRScheduler(optimizer, self.initial_lr, self.num_epochs)

    def _get_deep_supervision_scales(self) -> list[list[float]] | None:
        """Those of the UNETR's decoder, whose levels are not the planned U-Net's."""
        scales: list[list[float]] = self._bare_network().deep_supervision_scales()
        return scales if self.enable_deep_supervision else None


class nnUNetTrainerMOSMOS_UNETR_demo(nnUNetTrainerMOSMOS_UNETR):
    """Minutes on a CPU, for small synthetic volumes."""

    schedule = DEMO


class nnUNetTrainerMOSMOS_UNETR_smoke(nnUNetTrainerMOSMOS_UNETR):
    """Shows in seconds that a set-up works; learns nothing."""

    schedule = SMOKE
