"""Tiny pretrained text encoders in the layouts that people have on their disks."""

import json

import pytest
import torch
from safetensors.torch import save_file

from pretraining.text.scratch import scratch_text_encoder, train_tokenizer

TEXTS = ["The liver is normal.", "No focal lesion in the spleen or the liver.", "Gallbladder surgically absent."]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "the", "liver", "spleen", "is", "normal", "large", "small", ".", "no", "lesion", "in", "kidney"]


@pytest.fixture(scope="session")
def build_transformer():
    """Makes a random transformer of a kind, with the head of a masked language model on demand."""
    return _build


def _build(kind, layers=2, head=False):
    import transformers

    sizes = {"vocab_size": len(WORDS), "max_position_embeddings": 34}
    if kind == "DistilBert":
        sizes |= {"dim": 16, "n_layers": layers, "n_heads": 2, "hidden_dim": 24}
    else:
        sizes |= {"hidden_size": 16, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": 24}
    config = getattr(transformers, f"{kind}Config")(**sizes, pad_token_id=0)
    torch.manual_seed(0)
    return getattr(transformers, f"{kind}{'ForMaskedLM' if head else 'Model'}")(config).eval()


def _write_tokenizer(folder, version):
    """What transformers 4 and 5 leave of a WordPiece tokenizer, or its vocabulary alone."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    if version != 5:
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    if version == "vocab.txt":
        return
    tokenizer = Tokenizer(models.WordPiece({word: row for row, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    kind = {4: "PreTrainedTokenizerFast", 5: "TokenizersBackend"}[version]
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **tokens}))
    if version == 4:
        (folder / "special_tokens_map.json").write_text(json.dumps(tokens))


@pytest.fixture
def write_folder(tmp_path):
    """Writes a transformer as a folder; returns the folder."""

    def write(model, *, file="safetensors", tokenizer="vocab.txt", more_weights=None, config=None):
        folder = tmp_path / "encoder"
        folder.mkdir()
        entries = json.loads(model.config.to_json_string(use_diff=False))
        (folder / "config.json").write_text(json.dumps(entries | (config or {})))
        state = {name: tensor.clone() for name, tensor in model.state_dict().items()} | (more_weights or {})
        if file == "safetensors":
            save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        else:
            torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=file == "bin")
        if tokenizer is not None:
            _write_tokenizer(folder, tokenizer)
        return folder

    return write


@pytest.fixture(scope="module")
def tokenizer_folder(tmp_path_factory):
    """The folder of a tokenizer trained on three sentences."""
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer(TEXTS * 5, folder)
    return folder


@pytest.fixture
def encoder(tokenizer_folder):
    """An encoder of one layer, with random weights and room for 16 tokens."""
    torch.manual_seed(0)
    return scratch_text_encoder(tokenizer_folder, hidden_size=32, layers=1, max_tokens=16).eval()
