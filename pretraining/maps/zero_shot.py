"""Maps of what no tag names: free texts, embedded as the tags' prompts were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from pretraining.bundle.bundle import Bundle
from pretraining.errors import UserError
from pretraining.tags.vocabulary import Vocabulary
from pretraining.text.bank import TextBank
from pretraining.text.encoder import TextEncoder

NEAREST = 3


@dataclass(frozen=True)
class FreeTexts:
    """Texts to look for.

    Attributes:
        texts: M phrases such as `adrenal mass`.
        embeddings: `(M, D)`, unit vectors.
        nearest: for each text the tags of the vocabulary that lie nearest, with their cosines, nearest first.
    """

    texts: tuple[str, ...]
    embeddings: Tensor
    nearest: tuple[tuple[tuple[str, float], ...], ...]


def embed_free_texts(bundle: Bundle, texts: Sequence[str], encoder: TextEncoder, source: str) -> FreeTexts:
    """Embed texts with a bundle's own text encoder.

    Args:
        bundle: holds the projection of prompts.
        texts: phrases.
        encoder: the text encoder that the bundle was pretrained with.
        source: where `encoder` comes from, for messages.

    Raises:
        UserError: the bundle's tag embeddings do not come from texts, or `encoder` is another one.
    """
    if "tag_projection.weight" not in bundle.tensors:
        raise UserError(
            f"the bundle {bundle.path} cannot embed texts: its tag embeddings are random, or it was exported by an "
            "older version; export a run that was trained with --tag-embeddings text, or leave out --text"
        )
    if encoder.state_hash() != bundle.info.text_encoder["hash"]:
        raise UserError(
            f"{source} does not hold the text encoder of the bundle {bundle.path} (its weights' hash differs: training "
            "changed them, or it is another encoder); give --run the folder of the run that the bundle was exported "
            "from"
        )
    templates = prompt_templates(bundle.vocabulary)
    prompts = [template.replace("{name}", text) for text in texts for template in templates]
    features = TextBank(encoder, prompts, frozen=True)(torch.arange(len(prompts)))
    means = features.unflatten(0, (len(texts), len(templates))).mean(1)
    projected = functional.linear(means, bundle.tensors["tag_projection.weight"], bundle.tensors["tag_projection.bias"])
    embeddings = functional.normalize(projected, dim=-1)
    cosines, rows = (embeddings @ bundle.tag_embeddings.T).topk(min(NEAREST, len(bundle.tag_ids)))
    return FreeTexts(
        tuple(texts),
        embeddings,
        tuple(
            tuple((bundle.tag_ids[row], value) for row, value in zip(*pair, strict=True))
            for pair in zip(rows.tolist(), cosines.tolist(), strict=True)
        ),
    )


def prompt_templates(vocabulary: Vocabulary) -> tuple[str, ...]:
    """The phrases that most tags are prompted with, `{name}` standing for the tag's name."""
    counts = Counter(
        tuple(prompt.replace(tag.names[0], "{name}") for prompt in tag.prompts if tag.names[0] in prompt)
        for tag in vocabulary
    )
    return max(counts, key=lambda templates: counts[templates] if templates else 0) or ("{name}",)
