import numpy as np
import pytest
import torch

from nnunetv2_mosmos.labels.tag_classes import TagClasses
from nnunetv2_mosmos.losses.auxiliary_map import AuxiliaryMapLoss


def naive_loss(logits: np.ndarray, fractions: np.ndarray, labelled: np.ndarray) -> float:
    probabilities = 1 / (1 + np.exp(-logits))
    entropy = -(fractions * np.log(probabilities) + (1 - fractions) * np.log(1 - probabilities))
    cross_entropy = (entropy * labelled).sum() / (labelled.sum() * logits.shape[1])
    losses = []
    for tag in range(logits.shape[1]):
        p, t = probabilities[:, tag] * labelled[:, 0], fractions[:, tag] * labelled[:, 0]
        if t.sum() > 0:
            losses.append(1 - 2 * (p * t).sum() / (p.sum() + t.sum()))
    return cross_entropy + np.mean(losses)


@pytest.mark.parametrize("ignore", [None, 3])
def test_it_matches_the_formula(ignore):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4 if ignore else 3, (2, 4, 4))
    labels[labels == 2] = 0  # the second tag never shows: its Dice does not count
    logits = generator.normal(size=(2, 2, 4, 4))
    loss = AuxiliaryMapLoss(TagClasses(((1,), (2,)), None, ignore))
    value = loss(torch.from_numpy(logits), torch.from_numpy(labels[:, None]))
    labelled = np.ones((2, 1, 4, 4)) if ignore is None else (labels != ignore)[:, None].astype(float)
    fractions = np.stack([labels == 1, labels == 2], axis=1).astype(float)
    assert value.item() == pytest.approx(naive_loss(logits, fractions, labelled), abs=1e-4)


def test_maps_that_show_the_organs_cost_next_to_nothing():
    labels = torch.zeros(1, 1, 8, 8, dtype=torch.long)
    labels[..., :4, :4] = 1
    logits = torch.full((1, 1, 2, 2), -20.0)
    logits[..., 0, 0] = 20
    assert AuxiliaryMapLoss(TagClasses(((1,),), None, None))(logits, labels) < 1e-4


def test_ignored_voxels_cost_nothing():
    loss = AuxiliaryMapLoss(TagClasses(((1,),), None, 2))
    labels = torch.full((1, 1, 8, 8), 2)
    logits = torch.randn(1, 1, 2, 2, requires_grad=True)
    value = loss(logits, labels)
    value.backward()
    assert value.item() == 0
    assert logits.grad.abs().max() == 0


def test_half_precision_maps_are_compared_in_single_precision():
    loss = AuxiliaryMapLoss(TagClasses(((1,),), None, None))
    value = loss(torch.randn(1, 1, 4, 4, dtype=torch.float16), torch.zeros(1, 1, 8, 8))
    assert value.dtype == torch.float32
