"""A transformer that turns texts into vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pretraining.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TextEncoder(nn.Module):
    """Mean of a transformer's last hidden states over a text's tokens.

    Args:
        transformer: any `transformers` encoder.
        tokenizer: its tokenizer.
        max_tokens: longer texts are cut.
    """

    def __init__(self, transformer: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, max_tokens: int) -> None:
        super().__init__()
        self.transformer = transformer
        self.tokenizer = tokenizer
        positions = getattr(transformer.config, "max_position_embeddings", max_tokens)
        self.max_tokens = min(max_tokens, positions)

    @property
    def hidden_size(self) -> int:
        """Length H of a text's vector."""
        return int(self.transformer.config.hidden_size)

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, special tokens included."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.max_tokens, return_attention_mask=False)
        return [list(tokens) for tokens in encoded["input_ids"]]

    def forward(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Encode tokenized texts.

        Args:
            tokens: one list of token numbers a text.

        Returns:
            `(N, H)` in fp32.
        """
        device = next(self.transformer.parameters()).device
        longest = max(map(len, tokens))
        ids = torch.full((len(tokens), longest), self.tokenizer.pad_token_id or 0, dtype=torch.long)
        mask = torch.zeros((len(tokens), longest), dtype=torch.long)
        for row, entry in enumerate(tokens):
            ids[row, : len(entry)] = torch.as_tensor(entry)
            mask[row, : len(entry)] = 1
        ids, mask = ids.to(device), mask.to(device)
        hidden = self.transformer(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask.unsqueeze(-1).float()
        return (hidden * weights).sum(1) / weights.sum(1)

    def state_hash(self) -> str:
        """SHA-256 over the transformer's parameters: names the exact weights in a bundle."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.transformer.state_dict().items()):
            if name.startswith("pooler."):
                # Unused here, and drawn anew at each loading where a checkpoint comes without it.
                continue
            digest.update(name.encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).to(torch.float32).numpy().tobytes())
        return digest.hexdigest()


def load_text_encoder(name: str, max_tokens: int) -> TextEncoder:
    """A pretrained text encoder.

    Args:
        name: a local folder in the layout of `transformers` (safetensors or `.bin`), or a hub id.
        max_tokens: longer texts are cut.

    Raises:
        UserError: the folder or hub id cannot be loaded.
    """
    from transformers import AutoModel, AutoTokenizer

    looks_local = Path(name).exists() or name.startswith((".", "/", "~"))
    source = str(Path(name).expanduser()) if looks_local else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        transformer = AutoModel.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"the text encoder '{name}' cannot be loaded ({reason}); give --text-encoder a folder with config.json, "
            "weights and tokenizer, a hub id that this machine can reach, or 'scratch'"
        ) from error
    return TextEncoder(transformer, tokenizer, max_tokens)
