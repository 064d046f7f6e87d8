"""One pass over the studies: everything that the scores are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from pretraining.data.batches import StudyImages, in_order, loader
from pretraining.data.corpus import Pair
from pretraining.errors import UserError
from pretraining.evaluation.masks import Masks
from pretraining.evaluation.network import Network
from pretraining.evaluation.position_prior import PositionPrior
from pretraining.image.fit import undo_fit
from pretraining.metrics.localization import Localization, localize
from pretraining.studies.arrays import read_shape
from pretraining.studies.manifest import Study
from pretraining.tags.states import recognition_targets
from pretraining.text.bank import TextNumbers


@dataclass(frozen=True)
class Localized:
    """How a tag's map, and what knows nothing of the tag in its place, lie on the organ in one image.

    Attributes:
        study: row of the study.
        image: number of the image among all.
        tag: its id.
        attention: the map's figures.
        prior: the static position prior's; None where no other patient's mask shows the organ.
        brightness: those of the image itself, taken for a map.
    """

    study: int
    image: int
    tag: str
    attention: Localization
    prior: Localization | None
    brightness: Localization


@dataclass(frozen=True)
class Observations:
    """What a network said of N studies, and what their reports and masks say.

    A study of several images has the highest logit of its images, because a tag that one of them shows is in the
    study, and the direction of the mean of their embeddings, so that it stands in the retrieval once.

    Attributes:
        studies: N.
        tag_ids: K.
        logits: `(N, K)`.
        targets: `(N, K)` in {1 present, 0 negative, -1 unknown}.
        covered: `(N, K)`, whether the report covers one of the tag's body regions.
        images: `(N, D)` unit vectors; None for a bundle.
        reports: `(N, D)` unit vectors; None for a bundle.
        groups: `(N,)`, equal for equal reports, -1 without a report.
        localized: an entry an image and organ with a mask.
    """

    studies: tuple[Study, ...]
    tag_ids: tuple[str, ...]
    logits: NDArray[np.float32]
    targets: NDArray[np.int8]
    covered: NDArray[np.bool_]
    images: Tensor | None
    reports: Tensor | None
    groups: Tensor
    localized: tuple[Localized, ...]


class Observer:
    """Looks at studies with a network.

    Args:
        network: of a run or a bundle.
        data: the prepared folder.
        studies: what to evaluate on.
        masks: their label images, where there are some.
        prior: beside every map.
    """

    def __init__(
        self, network: Network, data: Path, studies: Sequence[Study], masks: Masks | None, prior: PositionPrior
    ) -> None:
        self.network = network
        self.studies = tuple(studies)
        self.masks = masks
        self.prior = prior
        self._texts = TextNumbers()
        self._groups = [self._texts.add(study.report) if study.report else -1 for study in studies]
        vocabulary, tags = network.vocabulary, network.tag_ids
        self._targets = [recognition_targets(study.tags, study.regions, vocabulary, tags) for study in studies]
        self._pairs, self._rows = [], []
        for row, study in enumerate(studies):
            for image, spacing in zip(study.images, study.image_spacings, strict=True):
                self._pairs.append(
                    Pair(
                        study=study.id,
                        image=data / image,
                        report=self._groups[row],
                        targets=self._targets[row],
                        sentences=(),
                        split=study.split,
                        spacing=spacing,
                    )
                )
                self._rows.append(row)
        self._refuse_other_images()

    def _refuse_other_images(self) -> None:
        spec = self.network.spec
        for pair in self._pairs:
            channels, *sides = read_shape(pair.image)
            if (channels, len(sides)) != (spec.input_channels, spec.dim):
                raise UserError(
                    f"study '{pair.study}' has an image in {len(sides)}D with {channels} channel(s), but this "
                    f"{self.network.origin['kind']} reads {spec.dim}D with {spec.input_channels}; give a prepared "
                    "folder of such images as --data"
                )

    def observe(self, batch_size: int, workers: int) -> Observations:
        """Look at every image once.

        Args:
            batch_size: images at once.
            workers: processes that read images; 0 reads in this one.
        """
        network = self.network
        view, channels = network.view, network.spec.input_channels
        dataset = StudyImages(self._pairs, view.size, channels, network.normalization, None, view, whole=True)
        if view.cuts:
            # At one spacing, images are not of one size.
            batch_size = 1
        logits = np.full((len(self.studies), len(network.tag_ids)), -np.inf, np.float32)
        images: Tensor | None = None
        localized: list[Localized] = []
        position = 0
        batches = loader(dataset, in_order(len(dataset), batch_size), workers)
        for batch in tqdm(batches, desc="images", unit="batch"):
            found, embedded = network.look(batch.images)
            rows = self._rows[position : position + len(batch.images)]
            np.maximum.at(logits, rows, found.logits.float().cpu().numpy())
            if embedded is not None:
                if images is None:
                    images = torch.zeros(len(self.studies), embedded.shape[1])
                images.index_add_(0, torch.tensor(rows), embedded.float().cpu())
            if self.masks is not None:
                for offset, maps in enumerate(found.maps.float().cpu()):
                    localized += self._localize(position + offset, maps, batch.images[offset])
            position += len(rows)
        return Observations(
            studies=self.studies,
            tag_ids=network.tag_ids,
            logits=logits,
            targets=np.stack(self._targets),
            covered=self._covered(),
            images=None if images is None else functional.normalize(images, dim=1),
            reports=self._reports(),
            groups=torch.tensor(self._groups),
            localized=tuple(localized),
        )

    def _localize(self, position: int, maps: Tensor, image: Tensor) -> list[Localized]:
        """Figures of one image: `maps (K, *G)` against its mask, beside the network's input `(C, *P)`."""
        assert self.masks is not None
        pair, row = self._pairs[position], self._rows[position]
        mask = self.masks.read(pair.study, pair.image) if pair.image in self.masks else None
        if mask is None:
            return []
        fit = self.network.view.fit(mask.shape, pair.spacing)
        patient = self.studies[row].patient
        unlabelled = mask == self.masks.labels.ignore

        def score(values: NDArray[Any], organ: NDArray[np.bool_]) -> Localization | None:
            return localize(np.where(unlabelled, np.nan, values), organ)

        shown = undo_fit(image.mean(0, keepdim=True), fit)[0].numpy()
        entries = []
        for tag, organ in self.masks.organs(mask, self.network.tag_ids):
            number = self.network.tag_ids.index(tag)
            attention = score(undo_fit(maps[number : number + 1], fit)[0].numpy(), organ)
            if attention is not None:
                guess = self.prior.at(tag, patient, mask.shape)
                beside = None if guess is None else score(guess, organ)
                brightness = score(shown, organ)
                assert brightness is not None, "the organ has as many pixels for one map as for another"
                entries.append(Localized(row, position, tag, attention, beside, brightness))
        return entries

    def _covered(self) -> NDArray[np.bool_]:
        regions = [set(self.network.vocabulary[tag].regions) for tag in self.network.tag_ids]
        return np.array([[not own.isdisjoint(study.regions) for own in regions] for study in self.studies])

    def _reports(self) -> Tensor | None:
        if self.network.read is None or not self._texts.texts:
            return None
        # A study without a report takes some other's row, which no score reads: its group is -1.
        return self.network.read(self._texts.texts)[[max(group, 0) for group in self._groups]]
