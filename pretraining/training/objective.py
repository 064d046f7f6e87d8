"""From what the network embeds to the losses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pretraining.losses.info_nce import info_nce
from pretraining.losses.masked_asymmetric import masked_asymmetric
from pretraining.losses.masked_bce import masked_bce
from pretraining.losses.organ_sentence import organ_sentence
from pretraining.losses.siglip import siglip
from pretraining.losses.temperature import Temperature
from pretraining.text.similarity import similar_pairs
from pretraining.training.config import ObjectiveConfig

TAG_LOSSES = {"bce": masked_bce, "asymmetric": masked_asymmetric}
# SigLIP starts with all pairs taken for negatives.
SIGLIP_BIAS = -10.0
# Balancing divides by a loss's value, which may be 0.
LEAST = 1e-6


class Objective(nn.Module):
    """Every loss of a run, over a whole batch however its features were computed.

    Args:
        config: losses and weights.
        words: the distinct words of every sentence of the corpus, by text number: sentences that share most of them are
            alike.
    """

    def __init__(self, config: ObjectiveConfig, words: Mapping[int, frozenset[str]]) -> None:
        super().__init__()
        self.config = config
        self.words = words
        self.temperature = Temperature()
        self.sentence_temperature = Temperature()
        if config.contrastive == "siglip":
            self.siglip_bias = nn.Parameter(torch.tensor(SIGLIP_BIAS))

    def forward(self, features: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The losses whose features are there.

        Args:
            features: what `PretrainingTask.features` gives, over the whole batch.
            labels: what `Batch.labels` gives, over the same studies.

        Returns:
            By name, unweighted, and `loss`, their weighted sum.
        """
        losses = {}
        if "reports" in features:
            losses["contrastive"] = self._contrastive(features["images"], features["reports"], labels["reports"])
        if "logits" in features:
            losses["tags"] = TAG_LOSSES[self.config.tag_loss](features["logits"], labels["targets"])
        if "organs" in features:
            losses["sentences"] = self._sentences(features, labels)
        if "reconstruction" in features:
            losses["reconstruction"] = features["reconstruction"].mean()
        weights = self.config.weights
        weighted = [weights[name] * self._balanced(loss) for name, loss in losses.items() if weights[name]]
        losses["loss"] = torch.stack(weighted).sum()
        return losses

    def keep_within_bounds(self) -> None:
        """Bring the temperatures back after a step of the optimizer."""
        for temperature in (self.temperature, self.sentence_temperature):
            temperature.keep_within_bounds()

    def _balanced(self, loss: Tensor) -> Tensor:
        """IDEA's balancing: over its own value, every loss has the same size, and its gradient is a relative one."""
        return loss / loss.detach().clamp(min=LEAST) if self.config.balance_losses else loss

    def _contrastive(self, images: Tensor, reports: Tensor, groups: Tensor) -> Tensor:
        if self.config.contrastive == "siglip":
            return siglip(images, reports, self.temperature(), self.siglip_bias, groups)
        return info_nce(images, reports, self.temperature(), groups)

    def _sentences(self, features: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Tensor:
        words: dict[int, list[frozenset[str]]] = {}
        for tag, number in zip(labels["sentence_tags"].tolist(), labels["sentences"].tolist(), strict=True):
            words.setdefault(tag, []).append(self.words[number])
        similar = {tag: similar_pairs(entries) for tag, entries in words.items()}
        return organ_sentence(
            features["organs"], features["sentences"], labels["sentence_tags"], self.sentence_temperature(), similar
        )
