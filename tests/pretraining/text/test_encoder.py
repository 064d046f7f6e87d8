import pytest
import torch
from torch import nn

from pretraining.errors import UserError
from pretraining.text.encoder import TextEncoder
from pretraining.text.pretrained import load_text_encoder

TEXTS = ["The liver is normal.", "No focal lesion in the spleen or the liver.", "Gallbladder surgically absent."]


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


def test_a_word_of_the_trained_tokenizer_is_the_same_at_the_start_and_within(encoder):
    first, within = (entry.tolist() for entry in encoder.tokenize(["liver", "the liver"]))
    assert within[-len(first) + 1 :] == first[1:]


def test_a_corpus_larger_than_one_call_of_the_tokenizer_keeps_its_order(encoder, monkeypatch):
    whole = encoder.tokenize(TEXTS)
    monkeypatch.setattr("pretraining.text.encoder.TOKENIZED_AT_ONCE", 2)
    assert [entry.tolist() for entry in encoder.tokenize(TEXTS)] == [entry.tolist() for entry in whole]


@pytest.mark.parametrize(("kind", "positions"), [("Bert", 34), ("DistilBert", 34), ("Roberta", 33), ("MPNet", 32)])
def test_a_text_fills_all_positions_of_the_transformer_and_no_more(build_transformer, write_folder, kind, positions):
    encoder = load_text_encoder(str(write_folder(build_transformer(kind), tokenizer=4)), 512)
    tokens = encoder.tokenize(["liver " * 1000])
    assert len(tokens[0]) == positions == encoder.max_tokens
    assert torch.isfinite(encoder(tokens)).all()


@pytest.mark.parametrize("kind", ["Bert", "Roberta", "DistilBert", "MPNet"])
def test_only_the_last_layers_learn_and_only_they_drop_out(build_transformer, write_folder, kind):
    encoder = load_text_encoder(str(write_folder(build_transformer(kind, layers=3), tokenizer=4)), 16)
    encoder.train_last_layers(2)
    encoder.train()
    learning = [name for name, parameter in encoder.named_parameters() if parameter.requires_grad]
    assert learning
    assert all(".layer.1." in name or ".layer.2." in name for name in learning)
    dropping = [name for name, part in encoder.named_modules() if isinstance(part, nn.Dropout) and part.training]
    assert dropping
    assert all(".layer.1." in name or ".layer.2." in name for name in dropping)
    encoder(encoder.tokenize(TEXTS)).square().sum().backward()
    assert {name for name, parameter in encoder.named_parameters() if parameter.grad is not None} == set(learning)
    encoder.eval()
    assert not any(part.training for part in encoder.modules())


def test_more_layers_than_there_are_is_refused(encoder):
    with pytest.raises(UserError, match="--train-text-layers 2 is more than the 1 layers"):
        encoder.train_last_layers(2)


def test_an_encoder_without_a_list_of_its_layers_is_refused(encoder):
    from transformers import AlbertConfig, AlbertModel

    sizes = {"vocab_size": 17, "embedding_size": 8, "hidden_size": 16, "intermediate_size": 16}
    shared = AlbertModel(AlbertConfig(**sizes, num_hidden_layers=3, num_attention_heads=2))
    with pytest.raises(UserError, match="finds no list of layers in a AlbertModel"):
        TextEncoder(shared, encoder.tokenizer, 16).train_last_layers(1)
