"""The pretraining task: from a batch to what the losses compare."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pretraining.data.batches import Batch
from pretraining.data.corpus import Corpus
from pretraining.text.bank import TextBank
from pretraining.text.similarity import words_of
from pretraining.text.tag_embeddings import random_prompt_features
from pretraining.training.config import ObjectiveConfig
from pretraining.training.model import PretrainingModel
from pretraining.training.objective import Objective


@dataclass(frozen=True)
class Outcome:
    """What one batch gives.

    Attributes:
        losses: by name, unweighted; `loss` is their weighted sum.
        features: see `PretrainingTask.features`.
    """

    losses: dict[str, Tensor]
    features: dict[str, Tensor]


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
        sentences = {number for pair in corpus.pairs for _, number in pair.sentences}
        self.objective = Objective(objective, {number: words_of(corpus.texts[number]) for number in sentences})
        self.prompts = corpus.prompts
        rows = [corpus.vocabulary.ids.index(tag) for tag in corpus.tag_ids]
        self.random_prompts = (
            None
            if random_tags is None
            else random_prompt_features(len(corpus.vocabulary.ids), bank.encoder.hidden_size, random_tags)[rows]
        )

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.model.image_projector.weight.device

    def prompt_features(self) -> Tensor:
        """`(K, H)`: the mean of each used tag's prompts."""
        if self.random_prompts is not None:
            return self.random_prompts.to(self.device)
        numbers = torch.tensor([number for prompts in self.prompts for number in prompts])
        features = self.bank(numbers).split([len(prompts) for prompts in self.prompts])
        return torch.stack([feature.mean(0) for feature in features])

    def embed_tags(self) -> Tensor:
        """`(K, D)`: unit vectors of the used tags."""
        return self.model.tag_embeddings(self.prompt_features())

    def wants(self, loss: str) -> bool:
        """Whether to compute what a loss compares: training leaves out losses of weight 0, validation shows them.

        Only reconstruction has a head that a run without it lacks.
        """
        return bool(self.objective.config.weights[loss]) or not self.training

    @property
    def recognizes(self) -> bool:
        """Whether any loss that is wanted looks at the tags."""
        return self.wants("tags") or self.wants("sentences")

    def features(self, batch: Batch, tags: Tensor) -> dict[str, Tensor]:
        """What the losses compare; each row belongs to one study or one sentence, whatever else is in the batch.

        Args:
            batch: B studies with N sentences.
            tags: `(K, D)`, from `embed_tags`; not looked at where no tag is.

        Returns:
            For the losses that are wanted, `images` and `reports` `(B, D)`, `logits` `(B, K)`, `organs` and `sentences`
            `(N, D)`, `reconstruction` `(B,)`.
        """
        features: dict[str, Tensor] = {}
        if self.wants("contrastive") or self.recognizes:
            features |= self._reported(batch, tags)
        if self.model.reconstruction is not None:
            features["reconstruction"] = self.model.reconstruction(batch.images, self.model.encoder)
        return features

    def _reported(self, batch: Batch, tags: Tensor) -> dict[str, Tensor]:
        """What the losses compare with reports."""
        embedded = self.model.embed_images(batch.images)
        features = {"images": embedded.image}
        # One pass of the text encoder serves reports and sentences.
        numbers = [
            texts if self.wants(loss) else texts[:0]
            for loss, texts in (("contrastive", batch.reports), ("sentences", batch.sentences))
        ]
        reports, sentences = self.bank(torch.cat(numbers)).split([len(part) for part in numbers])
        if self.wants("contrastive"):
            features["reports"] = self.model.embed_reports(reports)
        if self.recognizes:
            recognition = self.model.recognition(embedded.pixels, tags)
        if self.wants("tags"):
            features["logits"] = recognition.logits
        if self.wants("sentences"):
            features["organs"] = self.model.embed_organs(recognition, batch.sentence_rows, batch.sentence_tags)
            features["sentences"] = self.model.embed_sentences(sentences)
        return features

    def forward(self, batch: Batch) -> Outcome:
        """Features and losses of a batch that needs no splitting."""
        features = self.features(batch, self.embed_tags())
        labels = {name: label.to(self.device) for name, label in batch.labels().items()}
        return Outcome(self.objective(features, labels), features)
