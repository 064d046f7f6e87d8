from copy import deepcopy

import pytest
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import distributed, nn
from torch.nn import functional

from nnunetv2_mosmos.networks.mosmos_unet import MosmosUNet
from nnunetv2_mosmos.settings import MapSettings
from nnunetv2_mosmos.transfer.normalization import InputAffine
from pretraining.errors import UserError

TAGS = ("liver", "spleen", "aorta")
SHAPE = {2: (2, 1, 32, 48), 3: (1, 1, 16, 32, 16)}


def plain_network(kind: str = "plain", dim: int = 2) -> nn.Module:
    """Four stages; in 3D the first axis is halved less often, as nnU-Net plans for thick slices."""
    strides = {2: [[1, 1], [2, 2], [2, 2], [2, 2]], 3: [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]}[dim]
    arguments = {
        "input_channels": 1,
        "n_stages": 4,
        "features_per_stage": [4, 6, 8, 10],
        "conv_op": {2: nn.Conv2d, 3: nn.Conv3d}[dim],
        "kernel_sizes": 3,
        "strides": strides,
        "num_classes": 4,
        "n_conv_per_stage_decoder": 1,
        "conv_bias": True,
        "norm_op": {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[dim],
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
        "deep_supervision": True,
    }
    if kind == "plain":
        return PlainConvUNet(n_conv_per_stage=2, **arguments)
    return ResidualEncoderUNet(n_blocks_per_stage=1, **arguments)


def mosmos_network(kind: str = "plain", dim: int = 2, **settings) -> tuple[MosmosUNet, nn.Module]:
    """The network with maps, and the plain network with the same weights."""
    torch.manual_seed(0)
    plain = plain_network(kind, dim)
    maps = MapSettings(TAGS, 16, map_stage=3, injection_stages=(2, 3), **settings)
    network = MosmosUNet(deepcopy(plain), maps)
    network.tag_embeddings.copy_(functional.normalize(torch.randn(3, 16), dim=1))
    return network, plain


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("kind", ["plain", "residual"])
def test_at_step_zero_the_logits_are_those_of_the_plain_network(kind, dim):
    network, plain = mosmos_network(kind, dim)
    x = torch.randn(SHAPE[dim])
    for ours, theirs in zip(network(x), plain(x), strict=True):
        assert torch.equal(ours, theirs)
    network.decoder.deep_supervision = plain.decoder.deep_supervision = False
    assert torch.equal(network(x), plain(x))


def test_the_planned_network_is_wrapped_and_not_copied():
    plain = plain_network()
    network = MosmosUNet(plain)
    assert network.encoder is plain.encoder
    assert network.decoder is plain.decoder
    assert network.state_dict().keys() == plain.state_dict().keys()


@pytest.mark.parametrize("dim", [2, 3])
def test_maps_are_cosines_on_the_map_grid(dim):
    network, _ = mosmos_network(dim=dim)
    features = network.encode(torch.randn(SHAPE[dim]))
    maps = network.maps_of(features)
    assert maps.shape == (SHAPE[dim][0], 3, *features[3].shape[2:])
    assert maps.abs().max() <= 1 + 1e-6
    pixels = network.pixel_projector(features)
    expected = functional.cosine_similarity(pixels[:, None], network.tag_embeddings.view(1, 3, 16, *[1] * dim), dim=2)
    torch.testing.assert_close(maps, expected)


def test_maps_leave_only_on_demand():
    network, _ = mosmos_network()
    x = torch.randn(SHAPE[2])
    assert isinstance(network(x), list)
    logits, map_logits = network(x, return_maps=True)
    assert [level.shape for level in logits] == [level.shape for level in network(x)]
    maps = network.maps_of(network.encode(x))
    torch.testing.assert_close(map_logits, maps / 0.07)


@pytest.mark.parametrize("injected", ["cosine", "scaled", "probability"])
def test_what_of_a_map_enters_is_a_setting(injected):
    network, plain = mosmos_network(injected=injected)
    x = torch.randn(SHAPE[2])
    assert torch.equal(network(x)[0], plain(x)[0])
    maps = network.maps_of(network.encode(x))
    with torch.no_grad():
        network.map_bias.fill_(-2.0)
    entering = {"cosine": maps, "scaled": maps / 0.07, "probability": (maps / 0.07 - 2).sigmoid()}[injected]
    torch.testing.assert_close(network.injected_maps(maps), entering)


def test_a_network_without_maps_returns_none_for_them():
    network = MosmosUNet(plain_network())
    _, map_logits = network(torch.randn(SHAPE[2]), return_maps=True)
    assert map_logits is None


def test_the_projection_learns_from_step_zero_and_the_maps_matter_after_two_steps():
    network, _ = mosmos_network()
    x, target = torch.randn(SHAPE[2]), torch.randint(0, 4, (2, 32, 48))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for step in range(2):
        optimizer.zero_grad()
        logits, map_logits = network(x, return_maps=True)
        loss = functional.cross_entropy(logits[0], target) + map_logits.square().mean() * 1e-3
        loss.backward()
        if step == 0:
            for stage in ("2", "3"):
                assert network.injections[stage].maps.weight.grad.abs().max() > 0
                assert network.injections[stage].features.weight.grad.abs().max() > 0
        optimizer.step()
    network.eval()
    before = network(x)[0]
    network.tag_embeddings.neg_()
    assert not torch.allclose(before, network(x)[0])


def test_every_parameter_takes_part_in_a_training_step():
    """DistributedDataParallel stops a run over a parameter that the loss does not reach."""
    network, _ = mosmos_network(learn_temperature=True)
    logits, map_logits = network(torch.randn(SHAPE[2]), return_maps=True)
    (sum(level.square().mean() for level in logits) + map_logits.square().mean()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


@pytest.fixture
def one_process_group(tmp_path):
    """DistributedDataParallel checks for unused parameters in a group of one as in any other."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def test_distributed_training_takes_steps_and_validates_in_between(one_process_group):
    network, _ = mosmos_network(learn_temperature=True)
    parallel = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    x = torch.randn(SHAPE[2])
    for _ in range(3):
        optimizer.zero_grad()
        logits, map_logits = parallel(x, return_maps=True)
        (sum(level.square().mean() for level in logits) + map_logits.square().mean()).backward()
        optimizer.step()
        with torch.no_grad():
            assert len(parallel(x)) == 3


@pytest.mark.parametrize("dim", [2, 3])
def test_it_compiles_without_a_graph_break_and_follows_deep_supervision(dim):
    network, _ = mosmos_network(dim=dim)
    compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
    x = torch.randn(SHAPE[dim])
    torch.testing.assert_close(compiled(x, return_maps=True), network(x, return_maps=True))
    network.decoder.deep_supervision = False
    with torch.no_grad():
        torch.testing.assert_close(compiled(x), network(x))
    torch.compiler.reset()


def test_the_input_affine_is_applied_per_channel_and_kept_out_of_the_checkpoint():
    plain = plain_network()
    network = MosmosUNet(plain, input_affine=InputAffine((2.0,), (-0.5,)))
    x = torch.randn(SHAPE[2])
    assert torch.equal(network(x)[0], plain(x * 2 - 0.5)[0])
    assert network.state_dict().keys() == plain.state_dict().keys()


def test_a_network_without_encoder_and_decoder_is_refused_in_one_sentence():
    with pytest.raises(UserError, match="Linear, which is not made of an encoder and a decoder"):
        MosmosUNet(nn.Linear(1, 1))
