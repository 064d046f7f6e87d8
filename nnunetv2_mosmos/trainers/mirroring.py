"""Keeps left and right apart: the trainers without mirroring along the patient's left-right axis."""

from __future__ import annotations

from typing import Any

from nnunetv2_mosmos.attach.orientation import axis_codes, left_right_axis
from nnunetv2_mosmos.trainers.any_network import nnUNetTrainerMOSMOS_anyNetwork
from nnunetv2_mosmos.trainers.map_effect import chosen_cases
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.unetr import nnUNetTrainerMOSMOS_UNETR

# Training cases whose lie is looked at.
MOST_CASES = 20


class nnUNetTrainerMOSMOS_onlyMirror01(nnUNetTrainerMOSMOS):
    """For labels that tell left from right: no mirroring left-right, in training and prediction, in 2d and 3d alike.

    Named after nnU-Net's `nnUNetTrainer_onlyMirror01`, which leaves out the array's last axis, whatever lies along it.
    """

    mirrors_left_right = False

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(  # noqa: N802 (nnU-Net's name)
        self,
    ) -> tuple[Any, bool, Any, tuple[int, ...]]:
        """nnU-Net's choice without every axis that is left-right in some training case."""
        rotation, dummy_2d, patch_size, axes = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        left_right = self._left_right_axes()
        axes = tuple(axis for axis in axes if axis not in left_right)
        self.inference_allowed_mirroring_axes = axes
        found = " or ".join(sorted(map(str, left_right)))
        self.print_to_log_file(f"Left-right is axis {found}: mirroring along axes {axes} only")
        if len(left_right) > 1:
            self.print_to_log_file("WARNING: the training images do not lie alike: their left-right axes differ")
        return rotation, dummy_2d, patch_size, axes

    def _left_right_axes(self) -> set[int | None]:
        """Those of an even sample of the training cases; None stands for sagittal slices."""
        keys = chosen_cases(self.do_split()[0], MOST_CASES)
        dataset = self.dataset_class(self.preprocessed_dataset_folder, keys)
        dim = len(self.configuration_manager.patch_size)
        transpose = self.plans_manager.transpose_forward
        return {left_right_axis(axis_codes(dataset.load_case(key)[3], transpose), transpose, dim) for key in keys}


class nnUNetTrainerMOSMOS_UNETR_onlyMirror01(nnUNetTrainerMOSMOS_onlyMirror01, nnUNetTrainerMOSMOS_UNETR):
    """The same on a UNETR."""


class nnUNetTrainerMOSMOS_anyNetwork_onlyMirror01(nnUNetTrainerMOSMOS_onlyMirror01, nnUNetTrainerMOSMOS_anyNetwork):
    """The same on any network."""
