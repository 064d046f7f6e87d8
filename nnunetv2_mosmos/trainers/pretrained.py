"""Fills a new network from a bundle."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from nnunetv2_mosmos.labels.frequency import tag_frequencies
from nnunetv2_mosmos.labels.tag_classes import TagClasses
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.frozen_maps import FrozenMaps
from nnunetv2_mosmos.settings import Recipe
from nnunetv2_mosmos.trainers.start import FreshStart
from nnunetv2_mosmos.transfer.table import Transfer, TransferTable

# Cases that the frequencies of tags are counted in.
COUNTED_CASES = 16


def load_binding(network: MosmosNetwork | FrozenMaps, start: FreshStart, recipe: Recipe) -> dict[str, TransferTable]:
    """Copy what a trainer takes from its bundle into the network, in place.

    Args:
        network: as it was built, with random weights.
        start: the bundle and what fits.
        recipe: what the trainer takes.

    Returns:
        The transfer table of every module that took weights, by its name.
    """
    tables: dict[str, TransferTable] = {}
    if recipe.encoder:
        tables["encoder"] = _load(network.encoder, start.binding.encoder)
        if start.binding.projector is not None:
            tables["pixel projector"] = _load(network.pixel_projector, start.binding.projector)
    maps = start.binding.settings.maps
    if maps is not None:
        rows = [start.bundle.tag_ids.index(tag) for tag in maps.tags]
        embeddings = start.bundle.tag_embeddings[rows]
        if recipe.random_tags:
            embeddings = random_embeddings(tuple(embeddings.shape), start.bundle.info.weights_sha256)
        network.tag_embeddings.copy_(embeddings)
    return tables


def random_embeddings(shape: tuple[int, ...], seed: str) -> Tensor:
    """Random unit vectors, the same for every fold and process of a bundle.

    Args:
        shape: `(K, D)`.
        seed: hexadecimal digits.
    """
    generator = torch.Generator().manual_seed(int(seed[:8], 16))
    return functional.normalize(torch.randn(shape, generator=generator), dim=1)


def start_map_bias(network: MosmosNetwork, dataset: Any, classes: TagClasses) -> NDArray[np.float64]:
    """Start each tag's bias at the logit of its voxel frequency in the training cases (METHOD 2.3).

    Args:
        network: its `map_bias` is set.
        dataset: nnU-Net's dataset of the training cases.
        classes: the classes of each tag.

    Returns:
        The frequency of each tag, for the log.
    """
    keys = dataset.identifiers
    step = max(1, len(keys) // COUNTED_CASES)
    segmentations = (np.asarray(dataset.load_case(key)[1][:]) for key in keys[::step][:COUNTED_CASES])
    frequencies = tag_frequencies(segmentations, classes)
    with torch.no_grad():
        network.map_bias.copy_(torch.logit(torch.from_numpy(frequencies)))
    return frequencies


def _load(module: nn.Module, transfer: Transfer) -> TransferTable:
    targets = dict(module.named_parameters())
    with torch.no_grad():
        for name, values in transfer.tensors.items():
            targets[name].copy_(values)
    return transfer.table
