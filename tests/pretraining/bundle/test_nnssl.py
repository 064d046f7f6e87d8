"""The rules of nnU-Net's loader, as `pretraining.bundle.nnssl` states them, enforced by a reader of its own."""

import pydoc
from dataclasses import replace

import pytest
import torch

from pretraining.bundle.bundle import read_bundle
from pretraining.bundle.nnssl import nnssl_checkpoint
from pretraining.cli.main import main
from pretraining.errors import UserError
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.encoder import build_encoder
from pretraining.image.spec import EncoderSpec

PLAN_KEYS = {
    "architecture_plans",
    "pretrain_plan",
    "pretrain_num_input_channels",
    "recommended_downstream_patchsize",
    "key_to_encoder",
    "key_to_stem",
    "keys_to_in_proj",
    "key_to_lpe",
}
PLAIN = {dict, list, str, int, float, bool, type(None), torch.Tensor}


def below(weights, prefix):
    return {name[len(prefix) + 1 :]: tensor for name, tensor in weights.items() if name.startswith(prefix)}


def finetunable(path, channels, classes=3):
    """The network that nnU-Net would finetune."""
    checkpoint = torch.load(path, weights_only=True, map_location="cpu")
    weights, plan = checkpoint["network_weights"], checkpoint["nnssl_adaptation_plan"]
    assert plan.keys() >= PLAN_KEYS
    first = next(iter(plan["pretrain_plan"]["configurations"].values()))
    assert first["spacing"] is None
    assert first["patch_size"] == plan["recommended_downstream_patchsize"]
    assert plan["key_to_lpe"] is None
    architecture = plan["architecture_plans"]
    arguments = dict(architecture["arch_kwargs"])
    assert plan["architecture_kwargs"]["n_stages"] == arguments["n_stages"]
    assert plan["architecture_kwargs"]["kernel_sizes"] == arguments["kernel_sizes"]
    for name in architecture["arch_kwargs_requiring_import"]:
        if arguments[name] is not None:
            arguments[name] = pydoc.locate(arguments[name])
    assert architecture["arch_class_name"].endswith(("PlainConvUNet", "ResidualEncoderUNet"))
    build = pydoc.locate(architecture["arch_class_name"])
    network = build(input_channels=channels, num_classes=classes, deep_supervision=False, **arguments)
    encoder, stem = below(weights, plan["key_to_encoder"]), below(weights, plan["key_to_stem"])
    if channels > plan["pretrain_num_input_channels"]:
        projections = plan["keys_to_in_proj"]
        repeated = weights[f"{projections[0]}.weight"].repeat(1, channels, 1, 1, 1) / channels
        for name in projections:
            stem[f"{name.removeprefix(plan['key_to_stem'])[1:]}.weight"] = repeated
    network.get_submodule(network.key_to_encoder).load_state_dict(encoder)
    network.get_submodule(network.key_to_stem).load_state_dict(stem)
    return network.eval()


def described(bundle, kind, dim=3):
    """A bundle's description with another encoder, and that encoder."""
    spec = EncoderSpec(kind, dim, 1, convolutional_arguments(kind, dim, stages=3))
    return replace(bundle.info, encoder=spec, image_size=(16,) * dim), build_encoder(spec).eval()


@pytest.mark.parametrize(("kind", "channels"), [("plainconv", 1), ("resenc", 1), ("resenc", 2)])
def test_the_network_that_nnunet_finetunes_sees_what_ours_sees(bundle, tmp_path, kind, channels):
    info, encoder = described(bundle, kind)
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    torch.save(nnssl_checkpoint(info, tensors), tmp_path / "checkpoint.pth")
    network = finetunable(tmp_path / "checkpoint.pth", channels)
    image = torch.randn(1, 1, 16, 16, 16)
    with torch.no_grad():
        for ours, theirs in zip(encoder(image), network.encoder(image.repeat(1, channels, 1, 1, 1)), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-4)
        assert network(image.repeat(1, channels, 1, 1, 1)).shape == (1, 3, 16, 16, 16)


@pytest.mark.parametrize(("kind", "dim"), [("vit", 3), ("plainconv", 2), ("resenc", 2)])
def test_an_encoder_that_nnunet_cannot_build_is_one_sentence(bundle, kind, dim):
    info = replace(bundle.info, encoder=EncoderSpec(kind, dim, 1, {}))
    with pytest.raises(UserError, match=f"this one is a {dim}D {kind}: export it with --format bundle"):
        nnssl_checkpoint(info, {})


def types_in(value):
    yield type(value)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from types_in(part)


def test_export_writes_plain_types_and_nothing_of_the_corpus(volume_run, volume_bundle, tmp_path):
    file = tmp_path / "folder" / "mosmos.pth"
    words = ["export", "--run", str(volume_run), "--format", "nnssl", "--checkpoint", "latest", "--license", "CC0-1.0"]
    assert main([*words, "--output", str(file)]) == 0
    checkpoint = torch.load(file, weights_only=True)
    assert set(types_in(checkpoint)) <= PLAIN
    assert checkpoint["license"] == "CC0-1.0"
    assert any("MOSMOS" in paper for entry in checkpoint["citations"] for paper in entry["apa_citations"])
    for name, tensor in read_bundle(volume_bundle.path).encoder_state().items():
        assert torch.equal(checkpoint["network_weights"][f"encoder.{name}"], tensor)
    finetunable(file, 1)
    text = file.read_bytes().decode("latin-1")
    for secret in ("CANARY", "The spleen is", str(volume_run), str(volume_run.parent), "tokenizer"):
        assert secret not in text
    assert [path.name for path in file.parent.iterdir()] == ["mosmos.pth"]


def test_a_2d_run_or_a_folder_for_output_is_one_sentence(finished_run, tmp_path, capsys):
    words = ["export", "--run", str(finished_run), "--format", "nnssl", "--output"]
    assert main([*words, str(tmp_path / "mosmos.pth")]) == 1
    assert "this one is a 2D plainconv" in capsys.readouterr().err
    assert main([*words, str(tmp_path)]) == 1
    assert "give --output a name that ends in .pth" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
