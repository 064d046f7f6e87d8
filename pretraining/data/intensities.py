"""Chooses how a run's intensities become input, from what its training studies show."""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pretraining.data.corpus import Corpus
from pretraining.errors import UserError
from pretraining.image.normalization import FOREGROUND_HU, Normalization
from pretraining.studies.arrays import read_array

LOG = logging.getLogger(__name__)

# nnU-Net takes as many voxels of each case. A few dozen studies settle the statistics, and are read in seconds.
VOXELS_A_STUDY = 10_000
SAMPLED_STUDIES = 50


def choose_normalization(scheme: Literal["auto", "zscore", "ct"], corpus: Corpus) -> Normalization:
    """The normalization of a run.

    CT is stored as `prepare` read it, in HU, but windowed pictures of CT are not HU: they have no negative values.

    Args:
        scheme: `auto` is `ct` where every study is CT in HU, else `zscore`.
        corpus: the studies; statistics are those of some training studies.

    Raises:
        UserError: `ct`, but no voxel has an intensity that tissue has, or shards are not CT throughout.
    """
    if scheme != "zscore" and corpus.normalization is not None:
        if scheme == "ct" and corpus.normalization.scheme != "ct":
            raise UserError("these shards are not CT in HU throughout; give --normalization zscore, or leave it out")
        return corpus.normalization
    other = sum(pair.modality != "CT" for pair in corpus.pairs)
    if scheme == "auto" and 0 < other < len(corpus.pairs):
        LOG.info("%d of %d images are not CT: normalizing all by z-score", other, len(corpus.pairs))
    if scheme == "zscore" or (scheme == "auto" and other):
        return Normalization("zscore")
    pairs = corpus.of("train")
    samples = []
    for index in np.unique(np.linspace(0, len(pairs) - 1, SAMPLED_STUDIES).astype(int)):
        image = read_array(pairs[index].image)
        if scheme == "auto" and image.min() >= 0:
            LOG.info(
                "the CT of study '%s' has no negative intensity: not HU, normalizing by z-score", pairs[index].study
            )
            return Normalization("zscore")
        samples.append(_foreground(image))
    intensities = np.concatenate(samples)
    if not len(intensities):
        raise UserError(
            f"no voxel of {len(samples)} training studies is above {FOREGROUND_HU:g} HU; give --normalization zscore"
        )
    return Normalization.of_foreground(intensities)


def _foreground(image: NDArray) -> NDArray[np.float32]:
    """Some voxels of the patient, always the same ones."""
    voxels = image[image > FOREGROUND_HU]
    chosen = np.random.default_rng(0).choice(voxels, min(VOXELS_A_STUDY, len(voxels)), replace=False)
    return chosen.astype(np.float32)
