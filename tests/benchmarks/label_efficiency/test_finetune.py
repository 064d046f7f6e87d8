from dataclasses import replace

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from torch import nn

from benchmarks.label_efficiency.cells import Teacher
from benchmarks.label_efficiency.design import QUICK
from benchmarks.label_efficiency.finetune import take_weights, teach
from benchmarks.label_efficiency.folders import Folders
from pretraining.errors import UserError


def small_network():
    return PlainConvUNet(1, 2, (4, 8), nn.Conv2d, 3, (1, 2), 1, 3, 1, norm_op=nn.InstanceNorm2d, nonlin=nn.ReLU)


@pytest.mark.parametrize("encoder_alone", [True, False])
def test_a_ceiling_starts_from_the_encoder_or_from_all_that_was_learned(encoder_alone):
    learned, own = small_network(), small_network()
    before = {name: value.clone() for name, value in own.named_parameters()}
    take_weights(own, learned.state_dict(), encoder_alone)
    for name, value in learned.named_parameters():
        expected = before[name] if encoder_alone and not name.startswith("encoder.") else value
        assert torch.equal(own.get_parameter(name), expected)
    assert own.decoder.encoder is own.encoder


def test_a_task_without_other_labelled_cases_has_no_ceiling(tmp_path):
    with pytest.raises(UserError, match="leave ceilings out of --arms"):
        teach(Teacher("development", "2d", 0), Folders(tmp_path), replace(QUICK, pool=4))
