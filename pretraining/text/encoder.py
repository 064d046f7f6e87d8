"""A transformer that turns texts into vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from pretraining.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Tokenizers answer with Python numbers, of which a whole corpus would fill the memory.
TOKENIZED_AT_ONCE = 4096

Tokens = NDArray[np.int32]


class TextEncoder(nn.Module):
    """Mean of a transformer's last hidden states over a text's tokens.

    Args:
        transformer: any `transformers` encoder.
        tokenizer: its tokenizer.
        max_tokens: longer texts are cut, or shorter ones where the transformer has fewer positions.
    """

    def __init__(self, transformer: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.tokenizer = tokenizer
        self.max_tokens = min(max_tokens, _positions(transformer) or max_tokens)
        self._last_layers: list[nn.Module] | None = None

    @property
    def hidden_size(self) -> int:
        """Length H of a text's vector."""
        return int(self.transformer.config.hidden_size)

    @property
    def room(self) -> int:
        """Tokens that a text may have besides the special ones."""
        return self.max_tokens - int(self.tokenizer.num_special_tokens_to_add())

    def train_last_layers(self, count: int) -> None:
        """Freeze everything but the last layers; what is frozen stays in evaluation mode, without dropout.

        Args:
            count: layers to train.

        Raises:
            UserError: the transformer has fewer layers, or its layers cannot be found.
        """
        depth = getattr(self.transformer.config, "num_hidden_layers", None)
        lists = [entry for entry in self.transformer.modules() if isinstance(entry, nn.ModuleList)]
        layers = [entry for entry in lists if len(entry) == depth]
        if len(layers) != 1:
            raise UserError(
                f"--train-text-layers finds no list of layers in a {type(self.transformer).__name__}; leave it out to "
                "train the whole text encoder, or give --freeze-text"
            )
        if count > len(layers[0]):
            raise UserError(
                f"--train-text-layers {count} is more than the {len(layers[0])} layers of the text encoder; give at "
                "most as many"
            )
        self._last_layers = list(layers[0])[-count:]
        self.requires_grad_(False)
        for layer in self._last_layers:
            layer.requires_grad_(True)

    def train(self, mode: bool = True) -> TextEncoder:
        super().train(mode)
        if self._last_layers is not None:
            super().train(False)
            for layer in self._last_layers:
                layer.train(mode)
        return self

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        """Token numbers of each text, special tokens included."""
        tokens: list[Tokens] = []
        for start in range(0, len(texts), TOKENIZED_AT_ONCE):
            encoded = self.tokenizer(
                list(texts[start : start + TOKENIZED_AT_ONCE]), truncation=True, max_length=self.max_tokens
            )
            tokens += [np.asarray(entry, dtype=np.int32) for entry in encoded["input_ids"]]
        return tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, however long it is, without special ones."""
        encoded = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(entry) for entry in encoded["input_ids"]]

    def forward(self, tokens: Sequence[Tokens]) -> Tensor:
        """Encode tokenized texts.

        Args:
            tokens: the token numbers of each text.

        Returns:
            `(N, H)` in fp32.
        """
        device = next(self.transformer.parameters()).device
        padding = self.tokenizer.pad_token_id or 0
        ids = pad_sequence([torch.from_numpy(entry) for entry in tokens], batch_first=True, padding_value=padding)
        lengths = torch.tensor([len(entry) for entry in tokens])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(device)
        hidden = self.transformer(input_ids=ids.long().to(device), attention_mask=mask).last_hidden_state.float()
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(1) / weights.sum(1)

    def state_hash(self) -> str:
        """SHA-256 over the transformer's parameters: names the exact weights in a bundle."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.transformer.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).to(torch.float32).numpy().tobytes())
        return digest.hexdigest()


def _positions(transformer: PreTrainedModel) -> int | None:
    """The longest text that a transformer can take, where it has a limit."""
    for name, module in transformer.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa and its kin count positions from behind the padding's.
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return getattr(transformer.config, "max_position_embeddings", None)
