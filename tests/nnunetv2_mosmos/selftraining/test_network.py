from types import SimpleNamespace

import numpy as np
import pytest
from nnunetv2.inference import export_prediction
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from nnunetv2_mosmos.selftraining.network import Network
from pretraining.errors import UserError

ORGANS = {"background": 0, "liver": 1, "spleen": 2}
TUMORS = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]}


def network(labels, order=None, previous=None):
    manager = LabelManager(labels, order)
    configuration = SimpleNamespace(
        previous_stage_name=previous, patch_size=[1, 1, 1], normalization_schemes=["ZScoreNormalization"]
    )
    plans = SimpleNamespace(
        image_reader_writer_class=lambda: SimpleNamespace(read_images=lambda files: (None, {})),
        get_label_manager=lambda dataset_json: manager,
        transpose_forward=[0, 1, 2],
    )
    predictor = SimpleNamespace(
        plans_manager=plans,
        configuration_manager=configuration,
        dataset_json={"labels": labels, "channel_names": {"0": "MR"}, "file_ending": ".png"},
    )
    return Network(predictor, ["case_0000.nii.gz"])


@pytest.fixture(autouse=True)
def logits_are_probabilities(monkeypatch):
    """In the place of resampling and softmax."""

    def convert(logits, plans, configuration, manager, properties, return_probabilities):
        segmentation = manager.convert_probabilities_to_segmentation(logits)
        return (segmentation, logits.copy()) if return_probabilities else segmentation

    monkeypatch.setattr(export_prediction, "convert_predicted_logits_to_segmentation_with_correct_shape", convert)


def voxels(*probabilities):
    """`(K, 1, 1, N)` from the probabilities of each of N voxels."""
    return np.array(probabilities, np.float32).T[:, None, None]


def segmented(found, probabilities, *without):
    segmentation, ruled_out = found.segment(probabilities, {}, without=without)
    return segmentation.ravel().tolist(), ruled_out


def test_voxels_of_a_label_that_cannot_be_there_go_to_the_likeliest_other():
    found, likely = network(ORGANS), voxels((0.1, 0.3, 0.6), (0.3, 0.1, 0.6), (0.1, 0.8, 0.1))
    assert segmented(found, likely) == ([2, 2, 1], set())
    assert segmented(found, likely, "spleen") == ([1, 0, 1], {"spleen"})
    assert segmented(found, likely, "spleen", "liver") == ([0, 0, 0], {"spleen", "liver"})


def test_a_region_that_cannot_be_there_leaves_what_it_lies_in():
    found, likely = network(TUMORS, order=[1, 2, 3]), voxels((0.9, 0.8, 0.7), (0.9, 0.1, 0.1))
    assert segmented(found, likely) == ([3, 1], set())
    assert segmented(found, likely, "enhancing tumor") == ([2, 1], {"enhancing tumor"})


def test_a_network_that_needs_another_ones_segmentation_is_refused():
    with pytest.raises(UserError, match="needs the segmentation of 3d_lowres"):
        network(ORGANS, previous="3d_lowres")
