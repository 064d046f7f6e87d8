import inspect
import json
import shutil
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from pretraining.errors import UserError
from pretraining.image.vit import VitEncoder
from pretraining.image.vit_import import load_foreign_vit, read_foreign_vit

CONFIG = {
    "hidden_size": 24,
    "num_hidden_layers": 5,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
    "layer_norm_eps": 1e-6,
    "initializer_range": 0.2,
}


def save(folder, kind="ViT", head="Model", **changes):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = getattr(transformers, f"{kind}{head}")(getattr(transformers, f"{kind}Config")(**{**CONFIG, **changes}))
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                value.add_(0.1 * torch.randn_like(value))
    model.save_pretrained(folder)
    return model.eval()


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vit")
    return folder, save(folder)


def start(folder, dim=2, channels=3, size=32, patch=None):
    foreign = read_foreign_vit(folder)
    encoder = VitEncoder(dim, channels, **foreign.encoder_arguments(dim, size, patch)).eval()
    load_foreign_vit(encoder, foreign)
    return encoder


def tokens_without_class(model, image):
    """Hugging Face's own embeddings and layers, run on the patch tokens alone."""
    transformer = getattr(model, "vit", model)
    layers = transformer.layers if hasattr(transformer, "layers") else transformer.encoder.layer
    extra = transformer.embeddings.position_embeddings.shape[1] - 16
    hidden = transformer.embeddings(image, interpolate_pos_encoding=True)
    if isinstance(hidden, tuple):  # ViT-MAE, which keeps and orders tokens by a noise that can be given
        hidden = transformer.embeddings(image, noise=torch.arange(16.0)[None].expand(len(image), -1))[0]
    hidden = hidden[:, extra:]
    states = []
    for layer in layers:
        result = layer(hidden)
        hidden = result[0] if isinstance(result, tuple) else result
        states.append(hidden)
    return [*states[:-1], transformer.layernorm(hidden)]


def as_tokens(feature):
    return feature.flatten(2).transpose(1, 2)


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "head"), [("ViT", "Model"), ("ViT", "ForImageClassification"), ("DeiT", "Model"), ("ViTMAE", "Model")]
)
def test_every_tap_equals_hugging_faces_layers_on_the_patch_tokens(tmp_path, kind, head):
    model = save(tmp_path, kind, head, **({"mask_ratio": 0.0} if kind == "ViTMAE" else {}))
    encoder = start(tmp_path)
    assert encoder.taps == (1, 2, 3, 4)
    image = torch.randn(2, 3, 32, 32)
    expected = tokens_without_class(model, image)
    for tap, feature in zip(encoder.taps, encoder(image), strict=True):
        assert_close(as_tokens(feature), expected[tap])
    assert read_foreign_vit(tmp_path).tensors.keys() == encoder.state_dict().keys()


def test_the_class_token_is_all_that_is_lost(vit):
    """Where patch tokens are kept from attending to the class token, the whole model gives the same tokens."""
    folder, model = vit
    encoder = start(folder)
    image = torch.randn(1, 3, 32, 32)
    if "attention_mask" not in inspect.signature(model.forward).parameters:
        pytest.skip("this version of transformers masks no tokens of a ViT")
    mask = torch.ones(1, 17, dtype=torch.long)
    whole = model(image, attention_mask=mask).last_hidden_state[:, 1:]
    mask[:, 0] = 0
    masked = model(image, attention_mask=mask).last_hidden_state[:, 1:]
    assert_close(as_tokens(encoder(image)[-1]), masked)
    assert (whole - masked).abs().max() > 1e-3


def test_another_image_size_gets_positions_as_hugging_face_interpolates_them(vit):
    folder, model = vit
    encoder = start(folder, size=[48, 56])
    image = torch.randn(1, 3, 48, 56)
    assert_close(as_tokens(encoder(image)[-1]), tokens_without_class(model, image)[-1])


def test_a_gray_image_is_seen_as_its_color_copy(vit):
    folder, model = vit
    encoder = start(folder, channels=1)
    image = torch.randn(1, 1, 32, 32)
    assert_close(as_tokens(encoder(image)[-1]), tokens_without_class(model, image.repeat(1, 3, 1, 1))[-1])


def test_a_depth_constant_volume_is_seen_as_the_image(vit):
    folder, model = vit
    encoder = start(folder, 3, 1, [8, 32, 32], [4, 8, 8])
    image = torch.randn(1, 1, 32, 32)
    expected = tokens_without_class(model, image.repeat(1, 3, 1, 1))[-1]
    feature = encoder(image.unsqueeze(2).repeat(1, 1, 8, 1, 1))[-1]
    assert feature.shape[2:] == (2, 4, 4)
    for layer in range(2):
        assert_close(as_tokens(feature[:, :, layer]), expected)


def test_a_model_without_query_key_value_biases(tmp_path):
    model = save(tmp_path, qkv_bias=False)
    encoder = start(tmp_path)
    image = torch.randn(1, 3, 32, 32)
    assert_close(as_tokens(encoder(image)[-1]), tokens_without_class(model, image)[-1])


def test_names_of_transformers_5_in_memory_are_read_too(vit, tmp_path):
    folder, model = vit
    shutil.copy(folder / "config.json", tmp_path)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "model.safetensors")
    for name, value in read_foreign_vit(tmp_path).tensors.items():
        assert torch.equal(value, read_foreign_vit(folder).tensors[name])


def edit(folder, target, **changes):
    shutil.copytree(folder, target, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (target / "config.json").write_text(json.dumps({**config, **changes}))
    return target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, "type 'bert'.* give one of type vit, deit, vit_mae"),
        ({"hidden_act": "relu"}, "activation 'relu'"),
        ({"image_size": 64}, "17 positions cannot fill the grid 8x8"),
        ({"num_hidden_layers": 6}, r"model.safetensors holds no '5.attn.q.weight'"),
    ],
)
def test_what_does_not_fit_is_refused(vit, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        read_foreign_vit(edit(vit[0], tmp_path, **changes))


def test_a_damaged_or_missing_file_is_refused(vit, tmp_path):
    with pytest.raises(UserError, match=r"config.json cannot be read"):
        read_foreign_vit(tmp_path)
    folder = edit(vit[0], tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        read_foreign_vit(folder)
    weights.unlink()
    with pytest.raises(UserError, match=r"does not exist; .*safe_serialization=True"):
        read_foreign_vit(folder)


def test_half_precision_weights_become_single(vit, tmp_path):
    folder = edit(vit[0], tmp_path)
    half = {name: value.half() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(half, folder / "model.safetensors")
    assert {value.dtype for value in read_foreign_vit(folder).tensors.values()} == {torch.float32}


def test_reading_needs_no_transformers(vit):
    code = (
        "import sys, pathlib; sys.modules['transformers'] = None; from pretraining.image.vit_import import *;"
        "print(len(read_foreign_vit(pathlib.Path(sys.argv[1])).tensors))"
    )
    result = subprocess.run([sys.executable, "-c", code, vit[0]], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == str(5 + 5 * 12)
