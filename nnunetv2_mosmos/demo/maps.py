"""Attention maps of a few held-out studies, to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretraining.metrics.localization import FEWEST_PIXELS, localize
from pretraining.studies.manifest import Study


@dataclass(frozen=True)
class MappedStudy:
    """A held-out slice with its maps.

    Attributes:
        image: `(Y, X)`, grey values.
        organs: tag to `(Y, X)`, where the mask says that it is.
        maps: tag to `(Y, X)` cosines. probabilities: tag to the recognition head's.
    """

    image: NDArray[np.uint8]
    organs: Mapping[str, NDArray[np.bool_]]
    maps: Mapping[str, NDArray[np.float32]]
    probabilities: Mapping[str, float]

    def shows(self, tag: str) -> bool:
        """Whether more than a sliver of the organ is there."""
        return bool(self.organs[tag].sum() >= FEWEST_PIXELS)

    def auroc(self, tag: str) -> float | None:
        """Of the map against the mask; None where the organ is not there."""
        found = localize(self.maps[tag], self.organs[tag])
        return found.auroc if found else None


def chosen_tags(overall: Mapping[str, Any], labelled: Sequence[str], pairs: Mapping[str, str], count: int) -> list[str]:
    """The organs to show, chosen without a look at how well their maps lie.

    The labelled ones come first, then those whose presence the reports of different studies disagree about (nothing
    else can be learned from tags), then those that most masks show.

    Args:
        overall: `overall` of an evaluation with masks.
        labelled: the organs of the labelled data set.
        pairs: a side to its pair; sides are left out where their pair has a mask.
        count: at most so many.
    """
    located, tags = overall["localization"]["per_tag"], overall["tags"]["per_tag"]

    def order(tag: str) -> tuple[bool, bool, int, str]:
        return tag not in labelled, tags[tag]["auc"] is None, -located[tag]["attention"]["studies"], tag

    return sorted((tag for tag in located if pairs.get(tag, "") not in located), key=order)[:count]


def most_organs(
    studies: Sequence[Study], masks: Path, values: Mapping[str, tuple[int, ...]], tags: Sequence[str], count: int
) -> list[Study]:
    """The studies that show most of some organs, one a patient.

    Args:
        studies: of which.
        masks: folder of `STUDY.png`.
        values: tag to the label values of its organ.
        tags: the organs.
        count: at most so many.
    """

    def shown(study: Study) -> int:
        mask = _read(masks / f"{study.id}.png")
        return sum(int(np.isin(mask, values[tag]).sum()) >= FEWEST_PIXELS for tag in tags)

    chosen: dict[str, Study] = {}
    for study in sorted(studies, key=shown, reverse=True):
        chosen.setdefault(study.patient, study)
    return list(chosen.values())[:count]


def map_studies(
    bundle: Path, phantom: Path, studies: Sequence[Study], values: Mapping[str, tuple[int, ...]], tags: Sequence[str]
) -> list[MappedStudy]:
    """Make the maps of studies with a bundle.

    Args:
        bundle: makes them.
        phantom: what `mosmos_pretrain phantom` wrote.
        studies: of which.
        values: tag to the label values of its organ.
        tags: which maps.
    """
    import torch

    from pretraining.bundle.bundle import read_bundle
    from pretraining.maps.mapper import AttentionMapper

    mapper = AttentionMapper(read_bundle(bundle), tags, torch.device("cpu"))
    mapped = []
    for study in studies:
        image, mask = (_read(phantom / folder / f"{study.id}.png") for folder in ("images", "masks"))
        found = mapper(image[None])
        mapped.append(
            MappedStudy(
                image=image,
                organs={tag: np.isin(mask, values[tag]) for tag in tags},
                maps=dict(zip(tags, found.maps, strict=True)),
                probabilities=dict(zip(tags, found.probability.tolist(), strict=True)),
            )
        )
    return mapped


def _read(file: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(file))
