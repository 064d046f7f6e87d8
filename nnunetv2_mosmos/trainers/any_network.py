"""The trainer for networks of any class: maps of the bundle's frozen encoder at their input."""

from __future__ import annotations

from typing import Any

import torch

from nnunetv2_mosmos.networks.planned import takes_deep_supervision
from nnunetv2_mosmos.settings import Recipe
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.variants import SMOKE


class nnUNetTrainerMOSMOS_anyNetwork(nnUNetTrainerMOSMOS):
    """Trains the network class that the plans name, whatever it is, on images and maps.

    The class takes `input_channels` and `num_classes`, as nnU-Net asks. One that takes `deep_supervision`, too, keeps
    an attribute of that name and returns a list of logits, the full resolution first, while it is set. The bundle's
    encoder runs beside the network, so that training costs more than the network alone.
    """

    recipe = Recipe(network="any")

    def initialize(self) -> None:
        """The base trainer's set-up, without deep supervision for a class that has none."""
        self.enable_deep_supervision = takes_deep_supervision(self.configuration_manager)
        super().initialize()

    def set_deep_supervision_enabled(self, enabled: bool) -> None:
        """nnU-Net's switch, for networks without its decoder."""
        self._bare_network().set_deep_supervision(enabled and self.enable_deep_supervision)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        trained = [parameter for parameter in self._bare_network().parameters() if parameter.requires_grad]
        return [{"params": trained}]

    def _receiver(self) -> Any:
        return self._bare_network().source

    def _get_deep_supervision_scales(self) -> list[list[float]] | None:
        """Measured on one patch: the plans of a foreign class need not tell."""
        if not self.enable_deep_supervision:
            return None
        patch = tuple(self.configuration_manager.patch_size)
        self.set_deep_supervision_enabled(True)
        with torch.no_grad():
            levels = self._bare_network().eval()(torch.zeros(1, self.num_input_channels, *patch, device=self.device))
        return [[length / whole for length, whole in zip(level.shape[2:], patch, strict=True)] for level in levels]


class nnUNetTrainerMOSMOS_anyNetwork_smoke(nnUNetTrainerMOSMOS_anyNetwork):
    """Shows in seconds that a set-up works; learns nothing."""

    schedule = SMOKE
