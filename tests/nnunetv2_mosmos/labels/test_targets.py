import itertools

import numpy as np
import pytest
import torch

from nnunetv2_mosmos.labels.tag_classes import TagClasses, tag_classes
from nnunetv2_mosmos.labels.targets import tag_fractions


def naive_fractions(labels: np.ndarray, grid, values, ignore):
    """Position by position, voxel by voxel. Labels `(B, *S)`."""
    blocks = [extent // positions for extent, positions in zip(labels.shape[1:], grid, strict=True)]
    filled = np.zeros((len(labels), len(values), *grid))
    valid = np.zeros((len(labels), 1, *grid))
    for sample, position in itertools.product(range(len(labels)), itertools.product(*map(range, grid))):
        block = labels[
            (sample, *(slice(p * size, (p + 1) * size) for p, size in zip(position, blocks, strict=True)))
        ].ravel()
        kept = block[block != ignore] if ignore is not None else block
        valid[(sample, 0, *position)] = len(kept) / len(block)
        for tag, own in enumerate(values):
            filled[(sample, tag, *position)] = np.isin(kept, own).mean() if len(kept) else 0
    return filled, valid


@pytest.mark.parametrize("ignore", [None, 4])
@pytest.mark.parametrize(("shape", "grid"), [((8, 12), (2, 3)), ((4, 8, 6), (4, 2, 3)), ((4, 4), (4, 4))])
def test_label_fractions_match_a_count_by_hand(shape, grid, ignore):
    labels = np.random.default_rng(0).integers(0, 5 if ignore else 4, (2, *shape))
    values = ((1,), (2, 3))
    target = torch.from_numpy(labels[:, None]).to(torch.int16)
    before = target.clone()
    filled, labelled = tag_fractions(target, grid, TagClasses(values, None, ignore))
    expected, valid = naive_fractions(labels, grid, values, ignore)
    np.testing.assert_allclose(filled.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(labelled.numpy(), valid, atol=1e-6)
    assert torch.equal(target, before)


@pytest.mark.parametrize("ignore", [None, 4])
def test_region_fractions_match_a_count_by_hand(ignore):
    labels = np.random.default_rng(1).integers(0, 5 if ignore else 4, (2, 8, 8))
    regions = [(1, 2, 3), (2, 3), (3,)]
    channels = [np.isin(labels, region) for region in regions] + ([labels == ignore] if ignore else [])
    target = torch.from_numpy(np.stack(channels, axis=1))
    # The second tag is the union of two overlapping regions.
    classes = TagClasses(((1, 2, 3), (2, 3)), ((0,), (1, 2)), ignore)
    filled, labelled = tag_fractions(target, (2, 4), classes)
    expected, valid = naive_fractions(labels, (2, 4), classes.values, ignore)
    np.testing.assert_allclose(filled.numpy(), expected, atol=1e-5)
    np.testing.assert_allclose(labelled.numpy(), valid, atol=1e-6)


def test_a_grid_that_does_not_divide_the_patch_is_a_defect():
    with pytest.raises(ValueError, match="does not divide"):
        tag_fractions(torch.zeros(1, 1, 9, 8), (2, 2), TagClasses(((1,),), None, None))


def test_labels_of_one_tag_are_joined():
    labels = {"background": 0, "anterior": 1, "posterior": 2, "cyst": 3, "ignore": 4}
    label_tags = {"anterior": "hippocampus", "posterior": "hippocampus", "cyst": None}
    assert tag_classes(("hippocampus",), label_tags, labels, False) == TagClasses(((1, 2),), None, 4)


def test_regions_are_channels_in_nnunets_order():
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    classes = tag_classes(("tumor", "core"), {"whole": "tumor", "core": "core", "enhancing": "core"}, labels, True)
    assert classes == TagClasses(((1, 2, 3), (2, 3)), ((0,), (1, 2)), None)
