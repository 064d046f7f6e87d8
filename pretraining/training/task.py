"""The pretraining task: from a batch to its losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretraining.heads.recognition import Recognition
from pretraining.losses.contrastive import info_nce, siglip
from pretraining.losses.organ_sentence import organ_sentence
from pretraining.losses.tag_recognition import masked_asymmetric, masked_bce
from pretraining.text.bank import TextBank
from pretraining.text.similarity import similar_pairs, words_of
from pretraining.text.tag_embeddings import random_prompt_features
from pretraining.training.config import ObjectiveConfig
from pretraining.training.corpus import Corpus
from pretraining.training.data import Batch
from pretraining.training.model import PretrainingModel

TAG_LOSSES = {"bce": masked_bce, "asymmetric": masked_asymmetric}


@dataclass(frozen=True)
class Outcome:
    """What one batch gives.

    Attributes:
        losses: by name, unweighted; `loss` is their weighted sum.
        images: `(B, D)` image embeddings.
        reports: `(B, D)` report embeddings.
        recognition: logits and maps of the used tags.
    """

    losses: dict[str, Tensor]
    images: Tensor
    reports: Tensor
    recognition: Recognition


class PretrainingTask(nn.Module):
    """Model, texts and losses of one run.

    Args:
        model: the network.
        bank: the corpus's texts; its encoder is trained with the model unless frozen.
        corpus: tags and prompts.
        objective: losses and weights.
        random_tags: seed of random tag embeddings, or None for those of the prompts.
    """

    def __init__(
        self,
        model: PretrainingModel,
        bank: TextBank,
        corpus: Corpus,
        objective: ObjectiveConfig,
        random_tags: int | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        # A frozen encoder is not saved with the run: it can be loaded again.
        self.text_encoder = bank.encoder if bank.cached is None else None
        self.bank = bank
        self.objective = objective
        self.prompts = corpus.prompts
        self.words = [words_of(text) for text in corpus.texts]
        rows = [corpus.vocabulary.ids.index(tag) for tag in corpus.tag_ids]
        self.random_prompts = (
            None
            if random_tags is None
            else random_prompt_features(len(corpus.vocabulary.ids), bank.encoder.hidden_size, random_tags)[rows]
        )

    def prompt_features(self) -> Tensor:
        """`(K, H)`: the mean of each used tag's prompts."""
        device = self.model.temperature.log_value.device
        if self.random_prompts is not None:
            return self.random_prompts.to(device)
        numbers = torch.tensor([number for prompts in self.prompts for number in prompts])
        features = self.bank(numbers).split([len(prompts) for prompts in self.prompts])
        return torch.stack([feature.mean(0) for feature in features])

    def embed_tags(self) -> Tensor:
        """`(K, D)`: unit vectors of the used tags."""
        return self.model.tag_embeddings(self.prompt_features())

    def forward(self, batch: Batch) -> Outcome:
        """The losses of a batch."""
        embedded = self.model.embed_images(batch.images)
        recognition = self.model.recognition(embedded.pixels, self.embed_tags())
        # One pass of the text encoder serves reports and sentences.
        texts = self.bank(torch.cat([batch.reports, batch.sentences]))
        reports = self.model.embed_reports(texts[: len(batch.reports)])
        losses = {
            "contrastive": self._contrastive(embedded.image, reports, batch.reports),
            "tags": TAG_LOSSES[self.objective.tag_loss](recognition.logits, batch.targets),
            "sentences": self._sentences(recognition, texts[len(batch.reports) :], batch),
        }
        weights = {
            "contrastive": self.objective.contrastive_weight,
            "tags": self.objective.tag_weight,
            "sentences": self.objective.sentence_weight,
        }
        # A loss of weight 0 is still watched, but has no part in the gradient.
        losses["loss"] = sum((weights[name] * loss for name, loss in losses.items() if weights[name]), torch.zeros(()))
        return Outcome(losses, embedded.image, reports, recognition)

    def _contrastive(self, images: Tensor, reports: Tensor, groups: Tensor) -> Tensor:
        temperature = self.model.temperature()
        if self.objective.contrastive == "siglip":
            return siglip(images, reports, temperature, self.model.siglip_bias, groups)
        return info_nce(images, reports, temperature, groups)

    def _sentences(self, recognition: Recognition, texts: Tensor, batch: Batch) -> Tensor:
        if len(batch.sentences) == 0:
            return recognition.logits.sum() * 0.0
        organs = self.model.embed_organs(recognition, batch.sentence_rows, batch.sentence_tags)
        similar = similar_pairs([self.words[number] for number in batch.sentences.tolist()]).to(organs.device)
        return organ_sentence(
            organs,
            self.model.embed_sentences(texts),
            batch.sentence_tags,
            self.model.sentence_temperature(),
            similar,
        )
