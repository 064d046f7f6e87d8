"""Loads pretrained text encoders, without ever running code that comes with them."""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError

from pretraining.errors import UserError
from pretraining.text.encoder import TextEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

LOG = logging.getLogger(__name__)
# What the libraries raise for a folder that is missing, incomplete, damaged or of something else.
LOADING_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, UnpicklingError, SafetensorError)
# Those of CXR-BERT, which name code of its own, and nothing that changes what a BERT computes.
FOREIGN_ENTRIES = ("auto_map", "architectures", "model_type")
NAMED_WEIGHTS = 3


def load_text_encoder(name: str, max_tokens: int) -> TextEncoder:
    """A pretrained text encoder.

    Args:
        name: a local folder in the layout of `transformers` (safetensors or `.bin`), or a hub id.
        max_tokens: longer texts are cut.

    Raises:
        UserError: the folder or hub id cannot be loaded, its weights do not fit, or it is no text encoder.
    """
    looks_local = Path(name).exists() or name.startswith((".", "/", "~"))
    source = str(Path(name).expanduser()) if looks_local else name
    try:
        transformer = _transformer(source)
        tokenizer = _tokenizer(source, transformer)
    except ModuleNotFoundError:
        raise  # a broken installation, not a broken encoder: the traceback names the library
    except LOADING_ERRORS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"the text encoder '{name}' cannot be loaded ({reason}); give --text-encoder a folder with config.json, "
            "weights and tokenizer, a hub id that this machine can reach, or 'scratch'"
        ) from error
    return TextEncoder(transformer, tokenizer, max_tokens)


def _config(source: str) -> PreTrainedConfig:
    """The encoder's configuration; that of a BERT where `transformers` alone does not know its kind."""
    from transformers import AutoConfig, BertConfig

    try:
        return AutoConfig.from_pretrained(source, trust_remote_code=False)
    except ValueError:
        entries, _ = BertConfig.get_config_dict(source)
        LOG.info(
            "transformers does not know the model type '%s' of %s without running code from there, which is never "
            "done; its weights are read as those of a BERT",
            entries.get("model_type"),
            source,
        )
        return BertConfig.from_dict({key: value for key, value in entries.items() if key not in FOREIGN_ENTRIES})


def _transformer(source: str) -> PreTrainedModel:
    """The encoder with all its weights, without heads.

    Raises:
        UserError: weights are missing or of another shape, or it is no text encoder.
    """
    from transformers import AutoModel

    transformer, report = AutoModel.from_pretrained(
        source,
        config=_config(source),
        # transformers 5 keeps the type of the file otherwise, and half precision does not train.
        dtype=torch.float32,
        trust_remote_code=False,
        weights_only=True,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    kind = type(transformer).__name__
    # transformers 5 tells the shapes as well.
    mismatched = {entry if isinstance(entry, str) else entry[0] for entry in report["mismatched_keys"]}
    unfit = sorted(key for key in mismatched | set(report["missing_keys"]) if not key.startswith("pooler."))
    if unfit:
        names = ", ".join(unfit[:NAMED_WEIGHTS]) + (", ..." if len(unfit) > NAMED_WEIGHTS else "")
        raise UserError(
            f"the weights of the text encoder '{source}' do not fit a {kind}: {len(unfit)} are missing or of another "
            f"shape ({names}); give --text-encoder a whole encoder of a kind that transformers knows"
        )
    if transformer.config.is_encoder_decoder or not hasattr(transformer.config, "hidden_size"):
        raise UserError(f"'{source}' is a {kind}, not a text encoder; give --text-encoder one such as BERT or RoBERTa")
    if getattr(transformer, "pooler", None) is not None:
        # A text's vector is the mean over its tokens; checkpoints of masked language models have no pooler at all.
        transformer.pooler = None
    return transformer


def _tokenizer(source: str, transformer: PreTrainedModel) -> PreTrainedTokenizerBase:
    """The encoder's tokenizer.

    Raises:
        UserError: there is none, or one of another encoder.
    """
    tokenizer = _read_tokenizer(source, is_bert=transformer.config.model_type == "bert")
    rows = transformer.get_input_embeddings().num_embeddings
    # transformers 5 makes a tokenizer of nothing but special tokens where it finds no file.
    if not len(set(tokenizer.all_special_ids)) < len(tokenizer) <= rows:
        raise UserError(
            f"the tokenizer of the text encoder '{source}' has {len(tokenizer)} tokens, but its weights have {rows}; "
            "put the encoder's own tokenizer.json or vocab.txt into the folder"
        )
    return tokenizer


def _read_tokenizer(source: str, is_bert: bool) -> PreTrainedTokenizerBase:
    """The tokenizer that a folder names; where that is foreign code, its tokenizer.json or a BERT's vocab.txt."""
    from transformers import AutoTokenizer, BertTokenizerFast, PreTrainedTokenizerFast

    try:
        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (ValueError, ImportError) as error:
        for kind in (PreTrainedTokenizerFast, BertTokenizerFast)[: 1 + is_bert]:
            with suppress(ValueError, ImportError):
                return kind.from_pretrained(source)
        raise error
