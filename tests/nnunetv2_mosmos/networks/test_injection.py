import pytest
import torch
from torch.nn import functional

from nnunetv2_mosmos.networks.injection import MapInjection, injection_stages


@pytest.mark.parametrize(
    ("strides", "stages"),
    [
        ([(1, 1), (2, 2), (4, 4), (8, 8)], (2, 3)),
        ([(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 8, 8)], (2, 3)),
        ([(1, 1), (2, 2)], (1,)),
    ],
)
def test_maps_enter_where_the_largest_stride_reaches_four(strides, stages):
    assert injection_stages(strides) == stages


@pytest.mark.parametrize(
    ("size", "resampled"),
    [
        ((4, 6), lambda maps: maps),
        ((2, 3), lambda maps: functional.avg_pool2d(maps, 2)),
        ((8, 12), lambda maps: functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)),
    ],
)
def test_it_equals_one_convolution_of_the_concatenation(size, resampled):
    torch.manual_seed(0)
    injection = MapInjection(5, 3, 2)
    for parameter in injection.parameters():
        torch.nn.init.normal_(parameter)
    features, maps = torch.randn(2, 5, *size), torch.randn(2, 3, 4, 6)
    weight = torch.cat([injection.features.weight, injection.maps.weight], dim=1)
    whole = functional.conv2d(torch.cat([features, resampled(maps)], dim=1), weight, injection.features.bias)
    torch.testing.assert_close(injection(features, maps), features + whole)


def test_it_starts_as_the_identity():
    features = torch.randn(1, 5, 4, 4, 4)
    assert torch.equal(MapInjection(5, 2, 3)(features, torch.randn(1, 2, 2, 2, 2)), features)
