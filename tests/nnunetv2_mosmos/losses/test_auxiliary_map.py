import numpy as np
import pytest
import torch

from nnunetv2_mosmos.labels.tag_classes import TagClasses, tag_classes
from nnunetv2_mosmos.labels.tags import tags_of
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


KINDS = {
    "plain labels": ({"background": 0, "a": 1, "b": 2, "c": 3}, {"a": "x", "b": "y", "c": "z"}),
    "an ignore label": ({"background": 0, "a": 1, "b": 2, "c": 3, "ignore": 4}, {"a": "x", "b": "y", "c": "z"}),
    "several labels of one tag": ({"background": 0, "a": 1, "b": 2, "c": 3}, {"a": "x", "b": "y", "c": "x"}),
    "a label without a tag": ({"background": 0, "a": 1, "b": 2, "c": 3, "ignore": 4}, {"a": None, "b": "y", "c": "x"}),
    "regions": ({"background": 0, "a": [1, 2, 3], "b": [2, 3], "c": 3}, {"a": "x", "b": "y", "c": "z"}),
    "regions, ignore": (
        {"background": 0, "a": [1, 2, 3], "b": [2, 3], "c": [3], "ignore": 4},
        {"a": "x", "b": "y", "c": "z"},
    ),
    "regions of one tag": (
        {"background": 0, "a": [1, 3], "b": [2, 3], "c": 3, "ignore": 4},
        {"a": "x", "b": "x", "c": "y"},
    ),
    "a region without a tag": ({"background": 0, "a": [1, 2, 3], "b": [2, 3], "c": 1}, {"a": None, "b": "x", "c": "y"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_follows_the_targets_that_nnunet_makes(kind):
    from batchgeneratorsv2.transforms.utils.seg_to_regions import ConvertSegmentationToRegionsTransform
    from nnunetv2.utilities.label_handling.label_handling import LabelManager

    labels, label_tags = KINDS[kind]
    manager = LabelManager(labels, [1, 2, 3] if any(isinstance(value, list) for value in labels.values()) else None)
    generator = np.random.default_rng(3)
    segmentation = generator.integers(0, 5 if "ignore" in labels else 4, (2, 1, 8, 8))
    segmentation[0, 0, :2, :2] = labels.get("ignore", 0)
    target = torch.from_numpy(segmentation)
    if manager.has_regions:
        regions = [*manager.foreground_regions, *([manager.ignore_label] if manager.has_ignore_label else [])]
        transform = ConvertSegmentationToRegionsTransform(regions)
        target = torch.stack([transform(segmentation=sample)["segmentation"] for sample in target])

    tags = tags_of(label_tags)
    logits = generator.normal(size=(2, len(tags), 4, 4))
    loss = AuxiliaryMapLoss(tag_classes(tags, label_tags, labels, manager.has_regions))
    maps = torch.from_numpy(logits).requires_grad_()
    value = loss(maps, target)
    value.backward()

    blocks = segmentation[:, 0].reshape(2, 4, 2, 4, 2)
    valid = blocks != labels.get("ignore", -1)
    labelled = valid.mean((2, 4))[:, None]
    fractions = np.zeros(logits.shape)
    for index, tag in enumerate(tags):
        own = np.hstack([labels[label] for label, its_tag in label_tags.items() if its_tag == tag])
        fractions[:, index] = (np.isin(blocks, own) & valid).sum((2, 4)) / np.maximum(valid.sum((2, 4)), 1)
    assert value.item() == pytest.approx(naive_loss(logits, fractions, labelled), abs=1e-4)
    if manager.has_ignore_label:
        assert maps.grad[0, :, 0, 0].abs().max() == 0
        assert maps.grad[0, :, 0, 1].abs().max() > 0
