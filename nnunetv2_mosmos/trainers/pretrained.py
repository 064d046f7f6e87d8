"""Fills a new network from a bundle."""

from __future__ import annotations

from collections.abc import Mapping
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
TAG_EMBEDDINGS, MAP_BIAS = "tag_embeddings", "map_bias"


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


def own_tensors(network: MosmosNetwork | FrozenMaps) -> dict[str, Tensor]:
    """What a training's settings describe, so that no weights of another training may replace it.

    Args:
        network: where maps are made.

    Returns:
        The tensors themselves: all that makes frozen maps, else the embedding and the bias of each tag.
    """
    tensors = dict(network.state_dict())
    if isinstance(network, FrozenMaps):
        return tensors
    return {name: tensors[name] for name in (TAG_EMBEDDINGS, MAP_BIAS) if name in tensors}


def keep_own(network: MosmosNetwork | FrozenMaps, own: Mapping[str, Tensor]) -> bool:
    """Put a training's own tensors back where others are in their place.

    Biases alone are no reason: those of the same tags, trained on other images, are a better start than frequencies.

    Args:
        network: its tensors are set.
        own: copies of `own_tensors`, on the CPU.

    Returns:
        Whether others were there.
    """
    found = own_tensors(network)
    if all(torch.equal(found[name].cpu(), values) for name, values in own.items() if name != MAP_BIAS):
        return False
    with torch.no_grad():
        for name, values in own.items():
            found[name].copy_(values)
    return True


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
