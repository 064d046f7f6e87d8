"""Evaluates a run or a bundle on the studies of a prepared folder.

The JSON, in which an unknown figure is null (NaN is never written):

- `format`, `format_version`, `created_by` (versions), `options` (as given);
- `model`: `kind` (`run` or `bundle`), `checkpoint`, `step`, `weights_sha256`, `text_encoder_hash`, `vocabulary_hash`,
  `encoder`, `dim`, `image_size`, `tags` (how many);
- `data`: `manifest_sha256`, `vocabulary_hash`, `split`, `studies`, `images`, `patients`, `with_report`;
- `masks`: null, or `labels` (name -> tag or null), `images` (compared), `left_out` (study -> reason), `prior`
  (`source`, `images`);
- `notes`: sentences that a reader must know;
- `overall`, `regions` and `modalities` (name -> scores), each with `studies`, `few` (fewer than 20), and
  - `retrieval`: `not_available` (why), or `candidates`, `different_reports` and for `image_to_report` and
    `report_to_image` the `value` and `chance` of `r1`, `r5`, `r10`, `median_rank`;
  - `tags`: `mean` over the tags that have both a present and a negative study, `tags_scored`,
    `tags_scored_within_regions`, and `per_tag`: `present`, `negative`, `unknown` (studies), `auc`, `ap`, `chance_ap`,
    `auc_within_regions`, `negative_within_regions`, `brier`, `base_rate_brier`;
  - `calibration`: null, or `entries`, `expected_calibration_error`, `brier`, `base_rate_brier`, `bins` of equal mass;
  - `localization`: null, or `mean` over tags and `per_tag`, each with the figures of the `attention` maps and of the
    static position `prior` (on those images whose organ another patient's mask shows) and of the image's own
    `brightness`, taken for a map: `auroc`, `average_precision`, `hit`, `prevalence` (the chance level of the two before
    it), and how many `tags` or `studies` (each image of a study counts);
- `examples`: ids of studies, the place of the own report (`rank`) and whose reports are `nearest`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from pretraining.data.corpus import read_vocabulary
from pretraining.errors import UserError
from pretraining.evaluation.labels import read_labels
from pretraining.evaluation.masks import Masks
from pretraining.evaluation.network import Network
from pretraining.evaluation.observations import Observations, Observer
from pretraining.evaluation.position_prior import PositionPrior
from pretraining.evaluation.scores import score_groups
from pretraining.metrics.retrieval import best_matches, ranks
from pretraining.studies.manifest import MANIFEST_NAME, Study, read_manifest
from pretraining.training.run_folder import own_version, versions

FORMAT, FORMAT_VERSION = "mosmos-evaluation", 1
EXAMPLES = 12
NEAREST = 3


class Evaluation:
    """An evaluation of one split of a prepared folder.

    Args:
        data: the prepared folder.
        split: `train`, `val`, `test` or `all`.
        masks: folder of label images, where localization shall be measured.

    Raises:
        UserError: not a prepared folder, or no study in the split.
    """

    def __init__(self, data: Path, split: str, masks: Path | None) -> None:
        self.data = data
        self.split = split
        self.masks = masks
        self.every = read_manifest(data)
        self.vocabulary_hash = read_vocabulary(data).hash
        self.studies = [study for study in self.every if split in ("all", study.split)]
        if not self.studies:
            found = ", ".join(sorted({study.split for study in self.every}))
            raise UserError(f"{data} has no study in the split '{split}'; give --split as one of: {found}, all")

    def run(self, network: Network, batch_size: int, workers: int) -> tuple[Observations, dict[str, Any]]:
        """Evaluate a network.

        Args:
            network: of a run or a bundle.
            batch_size: images at once.
            workers: processes that read images.

        Returns:
            What the network said, and the contents of the JSON but for `options`.

        Raises:
            UserError: images that the network cannot read, or masks of which none fits.
        """
        masks, prior = self._find_masks(network), PositionPrior(study.patient for study in self.studies)
        observer = Observer(network, self.data, self.studies, masks, prior)
        guessing = {} if masks is None else self._fill(prior, masks, network.tag_ids)
        seen = observer.observe(batch_size, workers)
        measured = len({entry.image for entry in seen.localized})
        if masks is not None and not measured:
            raise UserError(self._why_none(masks))
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created_by": _versions(),
            "model": network.describe(),
            "data": self._describe_data(),
            "masks": None if masks is None else {**masks.describe(), "images": measured, "prior": guessing},
            "notes": self._notes(network),
            **score_groups(seen),
            "examples": examples(seen),
        }
        return seen, document

    def _describe_data(self) -> dict[str, Any]:
        return {
            "manifest_sha256": hashlib.sha256((self.data / MANIFEST_NAME).read_bytes()).hexdigest(),
            "vocabulary_hash": self.vocabulary_hash,
            "split": self.split,
            "studies": len(self.studies),
            "images": sum(len(study.images) for study in self.studies),
            "patients": len({study.patient for study in self.studies}),
            "with_report": sum(bool(study.report) for study in self.studies),
        }

    def _find_masks(self, network: Network) -> Masks | None:
        if self.masks is None:
            return None
        found = Masks(self.masks, read_labels(self.masks, network.vocabulary), self.data, self.every)
        if not any(self._with_masks(self.studies, found)):
            raise UserError(self._why_none(found))
        return found

    def _with_masks(self, studies: Iterable[Study], masks: Masks) -> list[tuple[Study, Path]]:
        pairs = [(study, self.data / image) for study in studies for image in study.images]
        return [(study, image) for study, image in pairs if image in masks]

    def _why_none(self, masks: Masks) -> str:
        if masks.left_out:
            study, reason = next(iter(masks.left_out.items()))
            why = f"none fits, e.g. {reason} (study '{study}')"
        else:
            why = f"there is no file such as {self.studies[0].id}.nii.gz, or none shows an organ that training saw"
        return f"no mask in {masks.folder} can be compared with the split '{self.split}': {why}; see --masks in --help"

    def _fill(self, prior: PositionPrior, masks: Masks, tags: Sequence[str]) -> dict[str, Any]:
        training = self._with_masks((study for study in self.every if study.split == "train"), masks)
        sources = training or self._with_masks(self.studies, masks)
        used = 0
        for study, image in tqdm(sources, desc="masks", unit="mask"):
            mask = masks.read(study.id, image)
            if mask is not None:
                prior.add(study.patient, masks.organs(mask, tags))
                used += 1
        return {"source": "training studies" if training else "the other evaluated patients", "images": used}

    def _notes(self, network: Network) -> list[str]:
        notes = []
        if self.vocabulary_hash != network.vocabulary.hash:
            notes.append("The reports were read with another vocabulary than those of training: tags may differ.")
        if self.split in ("train", "all"):
            notes.append("Training studies are among those evaluated: the figures say little about new studies.")
        if self.split == "val" and network.origin["checkpoint"] != "latest":
            notes.append("The checkpoint may have been chosen on these validation studies: the figures flatter it.")
        return notes


def examples(seen: Observations) -> list[dict[str, Any]]:
    """Some studies from the best to the worst retrieved, and whose reports their image is nearest to."""
    rows = torch.nonzero(seen.groups >= 0)[:, 0]
    if seen.images is None or seen.reports is None or not len(rows):
        return []
    images, reports = seen.images[rows], seen.reports[rows]
    places = ranks(images, reports, seen.groups[rows])
    chosen = places.argsort(stable=True)[np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).round().astype(int))]
    nearest = best_matches(images[chosen], reports, NEAREST)
    ids = [seen.studies[row].id for row in rows.tolist()]
    return [
        {"study": ids[one], "rank": float(places[one]), "nearest": [ids[other] for other in others]}
        for one, others in zip(chosen.tolist(), nearest.tolist(), strict=True)
    ]


def to_json(document: dict[str, Any]) -> str:
    """The document as JSON; a figure that is not a number is a bug, and stops here."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _versions() -> dict[str, str]:
    return {"nnunetv2-mosmos": own_version(), "scikit-learn": version("scikit-learn"), **versions()}
