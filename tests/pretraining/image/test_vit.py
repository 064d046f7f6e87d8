import subprocess
import sys

import pytest
import torch

from pretraining.errors import UserError
from pretraining.image.encoder import build_encoder
from pretraining.image.spec import EncoderSpec, cumulative_strides, feature_channels
from pretraining.image.vit import VitEncoder, vit_arguments

TINY = {"hidden_size": 24, "mlp_dim": 32, "num_layers": 3, "num_heads": 2, "taps": [0, 2]}


def tiny(dim=2, size=(24, 16), patch=(8, 4), channels=1, **changes):
    torch.manual_seed(0)
    return VitEncoder(dim, channels, list(patch), list(size), **{**TINY, **changes}).eval()


@pytest.mark.parametrize(
    ("dim", "size", "patch", "grid"),
    [(2, (24, 16), (8, 4), (3, 4)), (3, (8, 32, 16), (4, 16, 16), (2, 2, 1))],
)
def test_taps_come_back_on_the_token_grid(dim, size, patch, grid):
    encoder = tiny(dim, size, patch, channels=2)
    features = encoder(torch.randn(2, 2, *size))
    assert [tuple(feature.shape) for feature in features] == [(2, 24, *grid)] * 2
    assert encoder.output_channels == [24, 24]
    assert encoder.strides == [list(patch), list(patch)]


def test_features_follow_the_naive_transformer():
    encoder = tiny()
    image = torch.randn(1, 1, 24, 16)
    weight = encoder.patch_embedding.weight.flatten(1)
    tokens = []
    for row in range(3):
        for column in range(4):
            patch = image[0, :, 8 * row : 8 * row + 8, 4 * column : 4 * column + 4].flatten()
            position = encoder.position_embeddings[0, :, row, column]
            tokens.append(weight @ patch + encoder.patch_embedding.bias + position)
    x = torch.stack(tokens)
    states = []
    for block in encoder.blocks:
        h = torch.nn.functional.layer_norm(x, (24,), block.norm1.weight, block.norm1.bias, 1e-6)
        q, k, v = (h @ block.attn.qkv.weight.T + block.attn.qkv.bias).chunk(3, dim=1)
        heads = []
        for part in (slice(0, 12), slice(12, 24)):
            attention = torch.softmax(q[:, part] @ k[:, part].T / 12**0.5, dim=1)
            heads.append(attention @ v[:, part])
        x = x + torch.cat(heads, dim=1) @ block.attn.out_proj.weight.T + block.attn.out_proj.bias
        h = torch.nn.functional.layer_norm(x, (24,), block.norm2.weight, block.norm2.bias, 1e-6)
        h = torch.nn.functional.gelu(h @ block.mlp.linear1.weight.T + block.mlp.linear1.bias)
        x = x + h @ block.mlp.linear2.weight.T + block.mlp.linear2.bias
        states.append(x)
    expected = [states[0], torch.nn.functional.layer_norm(states[2], (24,), eps=1e-6)]
    for feature, state in zip(encoder(image), expected, strict=True):
        torch.testing.assert_close(feature[0].flatten(1).T, state, rtol=1e-4, atol=1e-5)


def test_every_parameter_learns():
    encoder = tiny(3, (8, 8, 8), (4, 4, 4))
    sum(feature.square().sum() for feature in encoder(torch.randn(1, 1, 8, 8, 8))).backward()
    assert [name for name, value in encoder.named_parameters() if value.grad is None] == []


def test_an_input_that_is_no_multiple_is_continued_by_zeros():
    encoder = tiny()
    image = torch.randn(1, 1, 21, 14)
    padded = torch.zeros(1, 1, 24, 16)
    padded[..., :21, :14] = image
    for feature, expected in zip(encoder(image), encoder(padded), strict=True):
        assert torch.equal(feature, expected)


def test_another_grid_gets_stretched_positions():
    encoder = tiny(2, (16, 16), (8, 8))
    torch.nn.init.zeros_(encoder.patch_embedding.weight)
    with torch.no_grad():
        encoder.position_embeddings[:] = torch.tensor([-1.0, 1.0]).view(1, 1, 2, 1)
    upper_to_lower = []
    for size in (16, 64):
        captured = []
        handle = encoder.blocks[0].register_forward_pre_hook(lambda _, inputs, kept=captured: kept.append(inputs[0]))
        encoder(torch.randn(1, 1, size, size))
        handle.remove()
        upper_to_lower.append(captured[0][0, :, 0].view(size // 8, size // 8))
    assert torch.equal(upper_to_lower[0], torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    column = upper_to_lower[1][:, 0]
    assert (column.diff() > -0.2).all() and column[0] < -0.9 and column[-1] > 0.9
    torch.testing.assert_close(column, -column.flip(0))


def test_a_spec_of_plain_types_builds_it():
    arguments = {**vit_arguments("small", 3, 32, [4, 8, 8]), "num_layers": 2, "taps": [0, 1]}
    spec = EncoderSpec("vit", 3, 2, arguments)
    encoder = build_encoder(EncoderSpec.from_dict(spec.to_dict()))
    features = encoder(torch.randn(1, 2, 32, 32, 32))
    assert [feature.shape[1] for feature in features] == feature_channels(spec) == encoder.output_channels
    assert [tuple(stride) for stride in encoder.strides] == cumulative_strides(spec)
    assert features[0].shape[2:] == (8, 4, 4)


def test_base_is_vit_b():
    with torch.device("meta"):
        encoder = VitEncoder(dim=2, input_channels=3, **vit_arguments("base", 2, 224))
    # ViT-B/16 of timm and Hugging Face has 85,798,656 parameters, two rows of 768 of them for the class token.
    assert sum(value.numel() for value in encoder.parameters()) == 85_798_656 - 2 * 768
    assert encoder.taps == (2, 5, 8, 11)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"taps": [0, 1]}, "last block, 2"),
        ({"taps": [2, 0]}, "ascend"),
        ({"taps": []}, "ascend"),
        ({"num_heads": 5}, "num_heads .5. must divide"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(UserError, match=message):
        tiny(**changes)


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="'huge' is unknown; choose one of small, base"):
        vit_arguments("huge", 2, 64)


def test_torch_compile_finds_no_graph_break():
    encoder = tiny()
    compiled = torch.compile(encoder, fullgraph=True, backend="aot_eager")
    image = torch.randn(1, 1, 29, 16)  # padded, and on a grid that is not the table's
    for feature, expected in zip(compiled(image), encoder(image), strict=True):
        torch.testing.assert_close(feature, expected)


def test_half_precision_keeps_the_residual_stream_in_full_precision():
    encoder = tiny()
    image = torch.randn(1, 1, 24, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = encoder(image)
    for feature, expected in zip(features, encoder(image), strict=True):
        assert feature.dtype == torch.float32
        assert (feature - expected).abs().max() < 0.1 * expected.abs().max()


def test_importing_the_module_imports_neither_monai_nor_transformers():
    code = (
        "import sys; import pretraining.image.vit, pretraining.image.vit_adaptation;"
        "print(sorted({'monai', 'transformers'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
