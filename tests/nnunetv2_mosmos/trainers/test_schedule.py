import pytest
import torch
from nnunetv2.training.lr_scheduler.polylr import PolyLRScheduler
from torch import nn

from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.trainers.schedule import GroupedPolyLRScheduler, parameter_groups


def optimizer_with(*groups: dict) -> torch.optim.SGD:
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], **group} for group in groups], lr=0.01)


def test_a_group_without_entries_follows_nnunet():
    ours, theirs = optimizer_with({}), optimizer_with({})
    schedule, poly = GroupedPolyLRScheduler(ours, 0.01, 20), PolyLRScheduler(theirs, 0.01, 20)
    for epoch in range(20):
        schedule.step(epoch)
        poly.step(epoch)
        assert ours.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]
        assert schedule.get_last_lr() == poly.get_last_lr()


def test_pretrained_weights_warm_up_to_a_tenth_of_the_rate():
    optimizer = optimizer_with({}, {"rate_scale": 0.1, "warmup_epochs": 3})
    schedule = GroupedPolyLRScheduler(optimizer, 0.01, 100)
    ratios = []
    for epoch in range(6):
        schedule.step(epoch)
        new, pretrained = (group["lr"] for group in optimizer.param_groups)
        ratios.append(pretrained / new)
    assert ratios == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_a_continued_schedule_has_the_rates_of_one_that_never_stopped():
    groups = ({}, {"rate_scale": 0.1, "warmup_epochs": 5})
    whole, continued = optimizer_with(*groups), optimizer_with(*groups)
    first = GroupedPolyLRScheduler(whole, 0.01, 10)
    for epoch in range(4):
        first.step(epoch)
    continued.load_state_dict(whole.state_dict())
    second = GroupedPolyLRScheduler(continued, 0.01, 10)
    for epoch in range(4, 10):
        first.step(epoch)
        second.step(epoch)
        assert [g["lr"] for g in whole.param_groups] == [g["lr"] for g in continued.param_groups]


def test_parameters_are_split_once_and_completely():
    encoder = nn.Sequential()
    encoder.stages = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3))
    decoder = nn.Conv2d(2, 2, 1)
    decoder.encoder = encoder  # nnU-Net's decoders hold their encoder, too
    network = MosmosNetwork(encoder, decoder, [2, 2], [(1, 1), (2, 2)], None, None)
    new, pretrained = parameter_groups(network, ("stages.0",), 0.1, 5)
    assert {id(p) for p in pretrained["params"]} == {id(p) for p in encoder.stages[0].parameters()}
    assert len(new["params"]) + len(pretrained["params"]) == len(list(network.parameters()))
    assert (new["rate_scale"], new["warmup_epochs"]) == (1, 0)
    assert (pretrained["rate_scale"], pretrained["warmup_epochs"]) == (0.1, 5)
    assert len(parameter_groups(network, (), 0.1, 5)) == 1
