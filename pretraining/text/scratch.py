"""A text encoder that needs no download: a subword vocabulary and a small BERT, both trained on the corpus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pretraining.text.encoder import TextEncoder

VOCABULARY_SIZE = 8000
SPECIAL_TOKENS = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


def train_tokenizer(texts: Iterable[str], folder: Path) -> None:
    """Train a lower-case byte-level BPE tokenizer and save it.

    Not WordPiece: its trainer breaks ties at random, so that no two runs of one seed would be alike.

    Args:
        texts: the corpus.
        folder: where to save.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=sorted(SPECIAL_TOKENS.values()),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    separator, start = (tokenizer.token_to_id(token) for token in ("[SEP]", "[CLS]"))
    assert separator is not None and start is not None
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", separator), ("[CLS]", start))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, add_prefix_space=True, **SPECIAL_TOKENS)
    fast.save_pretrained(folder)


def scratch_text_encoder(folder: Path, hidden_size: int, layers: int, max_tokens: int) -> TextEncoder:
    """A small BERT with random weights over a tokenizer that `train_tokenizer` saved.

    Args:
        folder: the tokenizer's folder.
        hidden_size: H, a multiple of 32.
        layers: transformer blocks.
        max_tokens: longer texts are cut.
    """
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=hidden_size // 32,
        intermediate_size=4 * hidden_size,
        max_position_embeddings=max_tokens,
        pad_token_id=tokenizer.pad_token_id,
    )
    return TextEncoder(BertModel(config, add_pooling_layer=False), tokenizer, max_tokens)
