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


def test_an_axis_that_is_left_right_in_any_training_case_is_not_mirrored(attached, make_trainer):
    trainer = make_trainer("nnUNetTrainerMOSMOS_onlyMirror01", "3d_fullres")
    trainer.initialize()
    last = sorted(trainer.do_split()[0])[-1]

    class Mixed(trainer.dataset_class):
        def load_case(self, identifier):
            *arrays, properties = super().load_case(identifier)
            if identifier == last:
                properties = {"sitk_stuff": {"direction": tuple(SAGITTAL)}}
            return *arrays, properties

    trainer.dataset_class = Mixed
    assert trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3] == (1,)
    with open(trainer.log_file) as log:
        assert "Left-right is axis 0 or 2: mirroring along axes (1,) only" in (text := log.read())
    assert "the training images do not lie alike" in text


@pytest.mark.parametrize(
    ("bundle", "name"),
    [
        ("unet_bundle", "nnUNetTrainerMOSMOS"),
        ("vit_bundle", "nnUNetTrainerMOSMOS_UNETR"),
        ("unet_bundle", "nnUNetTrainerMOSMOS_anyNetwork"),
    ],
)
def test_the_trainer_that_the_log_names_where_a_label_has_a_side_mirrors_less(
    attach, nnunet_home, make_trainer, request, bundle, name
):
    warnings = []
    with attach(nnunet_home, request.getfixturevalue(bundle)):
        for trainer in (make_trainer(name), make_trainer(f"{name}_onlyMirror01")):
            trainer.initialize()
            with open(trainer.log_file) as log:
                warnings.append([line for line in log if "kidney_left tell left from right" in line])
    assert len(warnings[0]) == 1 and f"train {name}_onlyMirror01, which leaves" in warnings[0][0]
    assert not warnings[1]
    assert trainer.configure_rotation_dummyDA_mirroring_and_inital_patch_size()[3] == (0,)
