from dataclasses import replace

import pytest
import torch
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from torch.nn import functional

from nnunetv2_mosmos.networks.build_any import build_any, choose_entry, frozen_maps
from nnunetv2_mosmos.networks.map_probes import changed_maps, shuffled
from nnunetv2_mosmos.networks.planned import planned_network
from nnunetv2_mosmos.settings import MapSettings, MosmosSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.errors import UserError
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec

CPU = torch.device("cpu")
TAGS = ("liver", "spleen", "kidney_left")
CASCADE = 2
SHAPE = {2: (2, 1 + CASCADE, 24, 24), 3: (1, 1 + CASCADE, 24, 24, 24)}
OWN = ["OwnNetwork", "ChannelLastNetwork", "ScalingNetwork"]


def settings(entry="channels", dim=2) -> MosmosSettings:
    arguments = {**convolutional_arguments("plainconv", dim, 3), "features_per_stage": [4, 6, 8]}
    maps = MapSettings(TAGS, 8, map_stage=2, injection_stages=(), entry=entry)
    spec = EncoderSpec("plainconv", dim, 1, arguments)
    return MosmosSettings(network="any", maps=maps, encoder=spec.to_dict(), input_affine=InputAffine((2.0,), (1.0,)))


@pytest.fixture
def configuration_of(nnunet_home, with_network):
    def make(name: str | None, dim: int = 2):
        plans = nnunet_home.plans()
        plans = plans if name is None else with_network(plans, name)
        return PlansManager(plans).get_configuration({2: "2d", 3: "3d_fullres"}[dim])

    return make


def build(configuration, chosen: MosmosSettings, deep_supervision=False):
    """The network, and the planned one with the same weights."""
    torch.manual_seed(0)
    network = build_any(chosen, configuration, 1 + CASCADE, 4, deep_supervision)
    torch.manual_seed(0)
    frozen_maps(chosen, configuration)
    planned = planned_network(configuration, 1 + CASCADE, 4, deep_supervision)
    network.source.tag_embeddings.copy_(functional.normalize(torch.randn(3, 8), dim=1))
    return network, planned


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("name", [None, *OWN])
def test_step_0_is_the_network_without_maps(configuration_of, name, dim):
    configuration = configuration_of(name, dim)
    entry = choose_entry(configuration, 1 + CASCADE, len(TAGS), CPU)
    network, planned = build(configuration, settings(entry))
    x = torch.randn(SHAPE[dim])
    assert network.maps_of(x).abs().max() > 0.1
    expected = network(x)
    torch.testing.assert_close(expected, planned(x), rtol=1e-4, atol=1e-5)
    with changed_maps(network, lambda maps: torch.rand_like(maps)):
        assert torch.equal(network(x), expected)


@pytest.mark.parametrize("residual", [False, True])
def test_nnunets_own_networks_give_every_level_as_without_maps(nnunet_home, residual):
    plans = nnunet_home.plans()
    architecture = plans["configurations"]["2d"]["architecture"]
    if residual:
        architecture["network_class_name"] = architecture["network_class_name"].replace("PlainConv", "ResidualEncoder")
        arguments = architecture["arch_kwargs"]
        arguments["n_blocks_per_stage"] = arguments.pop("n_conv_per_stage")
    configuration = PlansManager(plans).get_configuration("2d")
    assert choose_entry(configuration, 1 + CASCADE, len(TAGS), CPU) == "channels"
    network, planned = build(configuration, settings(), deep_supervision=True)
    x = torch.randn(SHAPE[2])
    for level, expected in zip(network(x), planned(x), strict=True):
        torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)
    network.set_deep_supervision(False)
    assert network(x).shape == (2, 4, 24, 24)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        (None, "channels"),
        ("OwnNetwork", "channels"),
        ("OwnSupervisedNetwork", "channels"),
        ("ChannelLastNetwork", "channels"),
        ("ScalingNetwork", "image"),
        ("PatchNetwork", "image"),
        ("CoordinateNetwork", "image"),
    ],
)
def test_maps_become_channels_only_where_that_changes_nothing(configuration_of, name, entry):
    assert choose_entry(configuration_of(name), 1 + CASCADE, len(TAGS), CPU) == entry


def test_every_layer_that_sees_the_input_takes_the_maps_behind_the_cascades_channels(configuration_of):
    network, planned = build(configuration_of("OwnNetwork"), settings())
    assert network.entering == ("body.0", "shortcut")
    for name in network.entering:
        weight = network.network.get_submodule(name).weight
        assert torch.equal(weight[:, : 1 + CASCADE], planned.get_submodule(name).weight)
        assert weight[:, 1 + CASCADE :].abs().max() == 0


@pytest.mark.parametrize(("name", "entry"), [("OwnNetwork", "channels"), ("PatchNetwork", "image")])
def test_the_entrance_learns_from_step_zero_and_the_maps_matter_after_two_steps(configuration_of, name, entry):
    network, _ = build(configuration_of(name), settings(entry))
    x, target = torch.randn(SHAPE[2]), torch.randint(0, 4, (2, 24, 24))
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    frozen = {key: value.clone() for key, value in network.source.state_dict().items()}
    for _ in range(2):
        optimizer.zero_grad()
        functional.cross_entropy(network(x), target).backward()
        weights = [network.network.get_submodule(layer).weight for layer in network.entering]
        entrances = [weight.grad[:, -3:] for weight in weights] or [network.injection.maps.weight.grad]
        assert all(gradient.abs().max() > 0 for gradient in entrances)
        # DistributedDataParallel stops a run over a parameter that the loss does not reach.
        assert all(parameter.grad is not None for parameter in trained)
        optimizer.step()
    assert all(torch.equal(value, frozen[key]) for key, value in network.source.state_dict().items())
    with changed_maps(network, shuffled):
        without = network(x)
    assert not torch.allclose(network(x), without)


def test_the_encoder_stays_frozen_and_in_evaluation(configuration_of):
    network, _ = build(configuration_of("OwnNetwork"), settings())
    network.train()
    assert network.network.training
    assert not any(module.training for module in network.source.modules())
    assert not any(parameter.requires_grad for parameter in network.source.parameters())
    assert {key.split(".")[1] for key in network.state_dict() if key.startswith("source.")} == {
        "encoder",
        "pixel_projector",
        "tag_embeddings",
    }


def test_a_flat_encoder_reads_a_volume_slice_by_slice_in_the_bundles_intensities(configuration_of):
    network, _ = build(configuration_of("OwnNetwork", 3), settings())
    volume = torch.randn(SHAPE[3])
    maps = network.maps_of(volume)
    assert maps.shape == (1, 3, 24, 6, 6)
    source = network.source
    for position in (0, 23):
        pixels = source.pixel_projector(source.encoder(volume[:, :1, position] * 2 + 1))
        expected = torch.einsum("bdyx,kd->bkyx", pixels, source.tag_embeddings)
        torch.testing.assert_close(maps[:, :, position], expected, rtol=1e-4, atol=1e-5)


def test_a_deep_encoder_reads_the_volume_whole(configuration_of):
    network, _ = build(configuration_of("OwnNetwork", 3), settings(dim=3))
    assert network.maps_of(torch.randn(SHAPE[3])).shape == (1, 3, 6, 6, 6)
    assert network(torch.randn(SHAPE[3])).shape == (1, 4, 24, 24, 24)


def test_another_number_of_channels_is_adapted(configuration_of):
    configuration = configuration_of("OwnNetwork")
    configuration.configuration["normalization_schemes"] = ["ZScoreNormalization"] * 2
    source = frozen_maps(replace(settings(), input_affine=None), configuration)
    assert source(torch.randn(1, 2, 24, 24)).shape == (1, 3, 6, 6)


def test_deep_supervision_is_switched_wherever_the_class_keeps_it(configuration_of):
    network, _ = build(configuration_of("OwnSupervisedNetwork"), settings(), deep_supervision=True)
    x = torch.randn(SHAPE[2])
    assert [level.shape[2] for level in network(x)] == [24, 12]
    network.set_deep_supervision(False)
    assert network(x).shape == (2, 4, 24, 24)


def test_a_class_that_cannot_be_switched_is_refused(configuration_of):
    network, _ = build(configuration_of("ForgetfulNetwork"), settings(), deep_supervision=True)
    with pytest.raises(UserError, match="ForgetfulNetwork takes an argument deep_supervision, but none"):
        network.set_deep_supervision(True)


def test_a_class_that_does_not_exist_is_refused_in_one_sentence(configuration_of):
    with pytest.raises(UserError, match=r"foreign_network\.Missing that the plans name cannot be imported"):
        planned_network(configuration_of("Missing"), 1, 4, False)


def test_it_compiles_without_a_graph_break(configuration_of):
    network, _ = build(configuration_of("OwnNetwork", 3), settings())
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    x = torch.randn(SHAPE[3])
    torch.testing.assert_close(compiled(x, return_maps=True)[0], network(x))
    torch.compiler.reset()
