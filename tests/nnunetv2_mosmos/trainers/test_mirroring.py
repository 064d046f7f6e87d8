import numpy as np
import pytest

from nnunetv2_mosmos.attach.orientation import axis_codes, left_right_axis

AXIAL = np.eye(3).ravel()
# The image's z axis runs right to left: sagittal slices.
SAGITTAL = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]], float).ravel()


@pytest.mark.parametrize(
    ("direction", "transpose", "dim", "axis"),
    [
        (AXIAL, (0, 1, 2), 3, 2),
        (AXIAL, (0, 1, 2), 2, 1),
        (AXIAL, (2, 0, 1), 3, 0),
        (AXIAL, (2, 0, 1), 2, None),
        (AXIAL, (1, 0, 2), 2, 1),
        (SAGITTAL, (0, 1, 2), 3, 0),
        (SAGITTAL, (0, 1, 2), 2, None),
        (SAGITTAL, (1, 0, 2), 3, 1),
        (None, (0, 1, 2), 3, 2),
    ],
)
def test_left_right_is_found_behind_direction_and_transposition(direction, transpose, dim, axis):
    properties = {} if direction is None else {"sitk_stuff": {"direction": tuple(direction)}}
    assert left_right_axis(axis_codes(properties, transpose), transpose, dim) == axis


@pytest.mark.parametrize(("configuration", "axes"), [("2d", (0,)), ("3d_fullres", (0, 1))])
def test_training_and_prediction_mirror_the_other_axes_only(attached, make_trainer, configuration, axes):
    trainer = make_trainer("nnUNetTrainerMOSMOS_onlyMirror01", configuration)
    trainer.initialize()
    assert trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3] == axes
    assert trainer.inference_allowed_mirroring_axes == axes


@pytest.mark.parametrize(
    ("name", "warned"), [("nnUNetTrainerMOSMOS", True), ("nnUNetTrainerMOSMOS_onlyMirror01", False)]
)
def test_the_log_warns_where_a_label_has_a_side_and_images_are_mirrored(attached, make_trainer, name, warned):
    trainer = make_trainer(name)
    trainer.initialize()
    with open(trainer.log_file) as log:
        assert ("kidney_left tell left from right" in log.read()) == warned
