import pytest
import torch

from pretraining.text.bank import TextBank, TextNumbers
from pretraining.text.encoder import TextEncoder

TEXTS = ["The liver is normal.", "No focal lesion in the spleen or the liver.", "Gallbladder surgically absent."]
REPORT = "TECHNIQUE: normal normal normal. FINDINGS: The liver is normal. IMPRESSION: No focal lesion."


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


@pytest.mark.parametrize("frozen", [True, False])
def test_texts_of_all_lengths_are_encoded_as_they_would_be_alone(encoder, monkeypatch, frozen):
    monkeypatch.setattr("pretraining.text.bank.TOKENS_AT_ONCE", 24)
    texts = ["liver " * (7 * number % 13) for number in range(20)]
    with torch.no_grad():
        alone = torch.cat([encoder(encoder.tokenize([text])) for text in texts])
        assert torch.allclose(TextBank(encoder, texts, frozen)(torch.arange(20)), alone, atol=1e-5)


def test_a_frozen_encoder_never_takes_more_tokens_at_once_than_it_may(encoder, monkeypatch):
    monkeypatch.setattr("pretraining.text.bank.TOKENS_AT_ONCE", 24)
    sizes = []

    def forward(self, tokens):
        sizes.append(len(tokens) * max(map(len, tokens)))
        return torch.zeros(len(tokens), 32)

    monkeypatch.setattr(TextEncoder, "forward", forward)
    TextBank(encoder, ["liver " * (number % 9) for number in range(40)], frozen=True)
    assert max(sizes) <= 24
    assert sum(sizes) / len(sizes) > 12


def test_a_frozen_encoder_encodes_on_the_device_and_leaves_it(encoder, monkeypatch):
    moves = []
    monkeypatch.setattr(encoder, "to", lambda device: moves.append(str(device)))
    bank = TextBank(encoder, TEXTS, frozen=True, device=torch.device("cpu:0"))
    assert moves == ["cpu:0", "cpu"]
    assert bank(torch.tensor([1])).shape == (1, 32)


def test_only_reports_are_cut_by_their_sections(encoder):
    bank = TextBank(encoder, [REPORT, REPORT + " "], frozen=False, reports={0})
    report, sentence = (encoder.tokenizer.decode(entry, skip_special_tokens=True) for entry in bank.tokens)
    assert report.strip() == "impression: no focal lesion."
    assert sentence.strip().startswith("technique: normal")
    assert max(map(len, bank.tokens)) <= encoder.max_tokens


def test_features_are_computed_once_for_an_encoder_and_its_texts(encoder, tmp_path, monkeypatch):
    forward, calls = TextEncoder.forward, []

    def counted(self, tokens):
        calls.append(len(tokens))
        return forward(self, tokens)

    monkeypatch.setattr(TextEncoder, "forward", counted)

    def features(texts):
        return TextBank(encoder, texts, frozen=True, cache=tmp_path / "features")(torch.arange(len(texts)))

    first = features(TEXTS)
    assert torch.equal(features(TEXTS), first)
    assert calls == [3]
    assert torch.allclose(features(TEXTS[::-1]), first.flip(0), atol=1e-6)
    with torch.no_grad():
        next(encoder.transformer.parameters()).add_(1)
    assert not torch.allclose(features(TEXTS[::-1]), first.flip(0))
    assert calls == [3, 3, 3]
    (tmp_path / "features").write_bytes(b"damaged")
    features(TEXTS[::-1])
    assert calls == [3, 3, 3, 3]
