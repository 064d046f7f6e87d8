from types import SimpleNamespace

import pytest
from torch import nn

from benchmarks.counted_work import count_work


class Squares(nn.Module):
    """A convolution whose output is squared: backward needs the input of the first and the output."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1, bias=False)

    def forward(self, x):
        return [self.convolution(x).square()]


def test_operations_and_kept_activations_of_a_network_that_can_be_counted_by_hand():
    configuration = SimpleNamespace(batch_size=2, patch_size=[8, 16])
    work = count_work(SimpleNamespace(network=Squares(), configuration_manager=configuration))
    positions = 2 * 8 * 16
    # Forward, and backward to the weights; the input wants no gradient.
    assert work.operations * 1e12 == pytest.approx(2 * 2 * positions * 4 * 9)
    assert work.activations * 2**30 == pytest.approx(4 * positions * (1 + 4))
