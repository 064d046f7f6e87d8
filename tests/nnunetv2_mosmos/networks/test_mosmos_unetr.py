import copy
import subprocess
import sys

import pytest
import torch

from nnunetv2_mosmos.labels.tag_classes import TagClasses
from nnunetv2_mosmos.labels.targets import tag_fractions
from nnunetv2_mosmos.losses.auxiliary_map import AuxiliaryMapLoss
from nnunetv2_mosmos.networks.mosmos_unetr import MosmosUNETR
from nnunetv2_mosmos.networks.unetr_layout import unetr_arguments
from nnunetv2_mosmos.settings import MapSettings
from pretraining.image.spec import EncoderSpec

TINY = {"hidden_size": 24, "mlp_dim": 32, "num_layers": 4, "num_heads": 2, "taps": [0, 1, 2, 3]}
MAPS = MapSettings(tags=("liver", "spleen", "aorta"), embedding_dim=8, map_stage=2, injection_stages=(2, 3))
PATCHES = {
    "hippocampus": ([40, 56, 40], [[1, 1, 1]] + [[2, 2, 2]] * 3),
    "prostate": ([20, 64, 48], [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2], [1, 2, 2]]),
    "thick": ([20, 64, 56], [[1, 1, 1], [1, 2, 2], [2, 2, 2], [2, 2, 2]]),
    "tiny": ([24, 24, 24], [[1, 1, 1]] + [[2, 2, 2]] * 2),
    "flat": ([56, 40], [[1, 1]] + [[2, 2]] * 3),
}
GRIDS = {"hippocampus": (5, 7, 5), "prostate": (5, 4, 3), "thick": (5, 8, 7), "tiny": (6, 6, 6), "flat": (7, 5)}


def build(name="flat", maps=MAPS, channels=2, seed=0, **changes):
    patch, strides = PATCHES[name]
    spec = EncoderSpec("vit", 2, 1, {**TINY, "patch_size": [16, 16], "image_size": [64, 64]})
    torch.manual_seed(seed)
    network = MosmosUNETR(**unetr_arguments(patch, strides, channels, spec), num_classes=4, maps=maps, **changes)
    if maps is not None:
        embeddings = torch.randn(network.tag_embeddings.shape, generator=torch.Generator().manual_seed(1))
        network.tag_embeddings.copy_(torch.nn.functional.normalize(embeddings, dim=1))
    return network


def batch(name="flat", channels=2):
    return torch.randn(2, channels, *PATCHES[name][0], generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", PATCHES)
def test_any_planned_patch_gives_logits_at_every_declared_scale(name):
    network = build(name)
    logits, maps = network(batch(name), return_maps=True)
    patch = PATCHES[name][0]
    expected = [
        (2, 4, *(round(length * scale) for length, scale in zip(patch, scales, strict=True)))
        for scales in network.deep_supervision_scales()
    ]
    assert [tuple(level.shape) for level in logits] == expected
    assert expected[0][2:] == tuple(patch)
    assert maps.shape == (2, 3, *GRIDS[name])


@pytest.mark.parametrize("name", PATCHES)
def test_labels_of_any_planned_patch_are_compared_with_its_maps(name):
    patch = PATCHES[name][0]
    target = torch.zeros(2, 1, *patch, dtype=torch.int16)
    target[:, :, : patch[0] // 2] = 1
    _, maps = build(name)(batch(name), return_maps=True)
    classes = TagClasses(((1,), (2,), (3,)), None, None)
    fractions, _ = tag_fractions(target, maps.shape[2:], classes)
    assert fractions.shape == maps.shape
    assert fractions[:, 0].mean() == pytest.approx(0.5)
    assert torch.isfinite(AuxiliaryMapLoss(classes)(maps, target))


@pytest.mark.parametrize("name", ["prostate", "flat"])
@pytest.mark.parametrize("maps", [MAPS, None])
def test_every_parameter_learns_as_ddp_demands(name, maps):
    network = build(name, maps)
    logits, map_logits = network(batch(name), return_maps=True)
    loss = sum(level.square().mean() for level in logits)
    (loss if map_logits is None else loss + map_logits.square().mean()).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize("name", PATCHES)
def test_step_0_is_the_network_without_maps(name):
    with_maps, without = build(name).eval(), build(name, maps=None, seed=7).eval()
    missing, unexpected = without.load_state_dict(with_maps.state_dict(), strict=False)
    assert missing == [] and {key.split(".")[0] for key in unexpected} == {
        "pixel_projector",
        "tag_embeddings",
        "map_bias",
        "log_map_temperature",
        "injections",
    }
    for level, expected in zip(with_maps(batch(name)), without(batch(name)), strict=True):
        assert torch.equal(level, expected)


def test_maps_enter_at_strides_of_4_and_more():
    assert list(build("prostate").injections) == ["2", "3", "4"]
    assert list(build("flat").injections) == ["2", "3"]


def test_logits_depend_on_the_maps_once_the_injection_has_learned():
    network = build()
    optimizer = torch.optim.SGD(network.injections.parameters(), lr=0.1)
    network(batch())[0].square().mean().backward()
    assert all(level.maps.weight.grad.abs().max() > 0 for level in network.injections.values())
    optimizer.step()
    network.eval()
    before = network(batch())[0]
    network.tag_embeddings.zero_()
    assert (network(batch())[0] - before).abs().max() > 0


def test_maps_are_cosines_of_the_last_taps_grid_over_the_temperature():
    network = build().eval()
    _, map_logits = network(batch(), return_maps=True)
    pixels = network.pixel_projector(network.encoder(batch()))
    expected = torch.einsum("bdyx,kd->bkyx", pixels, network.tag_embeddings) / 0.07
    torch.testing.assert_close(map_logits, expected, rtol=1e-4, atol=1e-4)
    assert network.pixel_projector.laterals.keys() == {"0", "1", "2", "3"}


def test_deep_supervision_is_switched_as_nnunet_does_and_keeps_the_state_dict():
    network = build().eval()
    levels = network(batch())
    network.decoder.deep_supervision = False
    logits = network(batch())
    assert torch.equal(logits, levels[0])
    single = build(deep_supervision=False, seed=3).eval()
    single.load_state_dict(network.state_dict())
    assert torch.equal(single(batch()), logits)


def test_prediction_gives_one_fresh_tensor():
    network = build(deep_supervision=False).eval()
    image = batch()
    kept = image.clone()
    with torch.no_grad():
        first = network(image)
        expected = first.clone()
        first += 1
        assert torch.equal(network(image), expected)
    assert torch.equal(image, kept)


def test_torch_compile_finds_no_graph_break():
    network = build()
    compiled = torch.compile(copy.deepcopy(network), fullgraph=True, backend="aot_eager")
    logits, maps = compiled(batch(), return_maps=True)
    expected, expected_maps = network(batch(), return_maps=True)
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(maps, expected_maps, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_finite_on_large_intensities(dtype):
    network = build("flat")
    with torch.autocast("cpu", dtype=dtype):
        logits, maps = network(batch("flat") * 1000, return_maps=True)
    assert all(torch.isfinite(level).all() for level in logits) and torch.isfinite(maps).all()
    sum(level.float().square().mean() for level in logits).backward()
    assert all(torch.isfinite(value.grad).all() for value in network.parameters() if value.grad is not None)


def test_it_builds_and_predicts_without_transformers():
    code = """
import sys
sys.modules["transformers"] = None
import torch
from nnunetv2_mosmos.networks.mosmos_unetr import MosmosUNETR
from nnunetv2_mosmos.networks.unetr_layout import unetr_arguments
assert "monai" not in sys.modules
arguments = unetr_arguments([16, 16], [[1, 1], [2, 2], [2, 2]], 1)
arguments["encoder_arguments"].update(hidden_size=24, mlp_dim=32, num_heads=2)
print(tuple(MosmosUNETR(**arguments, num_classes=2, deep_supervision=False)(torch.zeros(1, 1, 16, 16)).shape))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "(1, 2, 16, 16)", result.stderr
