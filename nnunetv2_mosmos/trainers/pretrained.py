"""Fills a new network from a bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nnunetv2_mosmos.labels.frequency import tag_frequencies
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.settings import Recipe
from nnunetv2_mosmos.trainers.start import FreshStart
from nnunetv2_mosmos.transfer.table import Transfer, TransferTable

if TYPE_CHECKING:
    from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS

# Cases that the frequencies of tags are counted in.
COUNTED_CASES = 16


def load_binding(network: MosmosNetwork, start: FreshStart, recipe: Recipe) -> dict[str, TransferTable]:
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


def start_map_bias(network: MosmosNetwork, trainer: nnUNetTrainerMOSMOS) -> dict[str, float]:
    """Start each tag's bias at the logit of its voxel frequency in the training cases (METHOD 2.3).

    Args:
        network: its `map_bias` is set.
        trainer: knows the training cases.

    Returns:
        Frequency by tag, for the log.
    """
    assert trainer.auxiliary_loss is not None and trainer.settings.maps is not None
    keys, _ = trainer.do_split()
    step = max(1, len(keys) // COUNTED_CASES)
    keys = sorted(keys)[::step][:COUNTED_CASES]
    dataset = trainer.dataset_class(trainer.preprocessed_dataset_folder, list(keys))
    segmentations = (np.asarray(dataset.load_case(key)[1][:]) for key in keys)
    frequencies = tag_frequencies(segmentations, trainer.auxiliary_loss.classes)
    with torch.no_grad():
        network.map_bias.copy_(torch.logit(torch.from_numpy(frequencies)))
    return {tag: round(float(value), 5) for tag, value in zip(trainer.settings.maps.tags, frequencies, strict=True)}


def _load(module: nn.Module, transfer: Transfer) -> TransferTable:
    targets = dict(module.named_parameters())
    with torch.no_grad():
        for name, values in transfer.tensors.items():
            targets[name].copy_(values)
    return transfer.table
