"""Keeps left and right apart: the trainer without mirroring along the patient's left-right axis."""

from __future__ import annotations

from typing import Any

from nnunetv2_mosmos.attach.orientation import axis_codes, left_right_axis
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS


class nnUNetTrainerMOSMOS_onlyMirror01(nnUNetTrainerMOSMOS):
    """For labels that tell left from right: no mirroring left-right, in training and prediction, in 2d and 3d alike.

    Named after nnU-Net's `nnUNetTrainer_onlyMirror01`, which leaves out the array's last axis, whatever lies along it.
    """

    mirrors_left_right = False

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(  # noqa: N802 (nnU-Net's name)
        self,
    ) -> tuple[Any, bool, Any, tuple[int, ...]]:
        """nnU-Net's choice without the left-right axis."""
        rotation, dummy_2d, patch_size, axes = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        keys, _ = self.do_split()
        properties = self.dataset_class(self.preprocessed_dataset_folder, list(keys[:1])).load_case(keys[0])[3]
        dim = len(self.configuration_manager.patch_size)
        transpose = self.plans_manager.transpose_forward
        left_right = left_right_axis(axis_codes(properties, transpose), transpose, dim)
        axes = tuple(axis for axis in axes if axis != left_right)
        self.inference_allowed_mirroring_axes = axes
        self.print_to_log_file(f"Left-right is axis {left_right}: mirroring along axes {axes} only")
        return rotation, dummy_2d, patch_size, axes
