"""Keeps left and right apart: the trainer without mirroring along the patient's left-right axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS


def left_right_axis(properties: Mapping[str, Any], transpose_forward: Sequence[int], dim: int) -> int | None:
    """The axis of a network's input along which the patient's left and right lie.

    Args:
        properties: what nnU-Net stored of a preprocessed case; with its SimpleITK reader they hold the direction
            matrix. Without one, the last axis of the image array is taken, as for axial images.
        transpose_forward: how the plans transpose the axes of an array (z, y, x).
        dim: 2 for networks that see slices along the first transposed axis.

    Returns:
        The axis among the network's spatial axes, or None where its slices are sagittal.
    """
    direction = properties.get("sitk_stuff", {}).get("direction")
    image_axis = 0
    if direction is not None and len(direction) == 9:
        # Row 0: how far each image axis (x, y, z) runs along the patient's left-right axis.
        image_axis = int(np.abs(np.reshape(direction, (3, 3))[0]).argmax())
    axis = list(transpose_forward).index(2 - image_axis) - (3 - dim)
    return axis if axis >= 0 else None


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
        left_right = left_right_axis(properties, self.plans_manager.transpose_forward, dim)
        axes = tuple(axis for axis in axes if axis != left_right)
        self.inference_allowed_mirroring_axes = axes
        self.print_to_log_file(f"Left-right is axis {left_right}: mirroring along axes {axes} only")
        return rotation, dummy_2d, patch_size, axes
