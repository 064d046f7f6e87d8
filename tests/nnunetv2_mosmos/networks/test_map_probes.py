import pytest
import torch
from torch import nn
from torch.nn import functional

from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.map_probes import InjectionNorms, changed_maps, shuffled, zeroed
from nnunetv2_mosmos.settings import MapSettings


class Encoder(nn.Module):
    def forward(self, x):
        return [x, functional.avg_pool2d(x, 4)]


class Decoder(nn.Module):
    def forward(self, features):
        return functional.interpolate(features[1], scale_factor=4) + features[0]


@pytest.fixture
def network():
    torch.manual_seed(0)
    maps = MapSettings(("liver", "spleen"), 8, map_stage=1, injection_stages=(1,))
    network = MosmosNetwork(Encoder(), Decoder(), [3, 3], [(1, 1), (4, 4)], maps, None)
    network.tag_embeddings.copy_(functional.normalize(torch.randn(2, 8), dim=1))
    nn.init.normal_(network.injections["1"].maps.weight)
    return network.eval()


def test_zeroed_maps_are_those_of_tags_that_match_nothing(network):
    x = torch.randn(1, 3, 16, 16)
    kept = network(x)
    with changed_maps(network, zeroed):
        without = network(x)
    assert torch.equal(network(x), kept)
    network.tag_embeddings.zero_()
    torch.testing.assert_close(without, network(x))


def test_shuffled_maps_show_the_same_values_elsewhere_and_always_in_the_same_place():
    maps = torch.arange(48.0).view(1, 2, 4, 6)
    other = shuffled(maps)
    assert torch.equal(other.flatten(2).sort().values, maps.flatten(2))
    assert not torch.equal(other, maps)
    # Both tags' maps are moved alike.
    assert torch.equal(other[:, 1] - other[:, 0], maps[:, 1] - maps[:, 0])
    assert torch.equal(shuffled(maps), other)


def test_the_norms_are_those_of_what_the_maps_add_and_of_the_features(network):
    images = [torch.randn(1, 3, 16, 16) for _ in range(2)]
    with InjectionNorms(network) as norms:
        for x in images:
            network(x)
    network(torch.randn(1, 3, 16, 16))
    weight = network.injections["1"].maps.weight[:, :, 0, 0]
    added = sum(
        torch.einsum("bkyx,ck->bcyx", network.maps_of(network.encode(x)), weight).square().sum() for x in images
    )
    features = sum(functional.avg_pool2d(x, 4).square().sum() for x in images)
    assert norms.ratios() == {"stage 1": pytest.approx(float((added / features).sqrt().detach()), rel=1e-4)}
