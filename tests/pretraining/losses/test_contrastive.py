import numpy as np
import pytest
import torch
from torch.nn import functional

from pretraining.losses.info_nce import info_nce
from pretraining.losses.siglip import siglip


def unit(*shape, seed=0):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return functional.normalize(values, dim=-1)


def naive_info_nce(images, reports, temperature, groups):
    total = 0.0
    for queries, targets in ((images, reports), (reports, images)):
        for i in range(len(queries)):
            allowed = [j for j in range(len(queries)) if j == i or groups[j] != groups[i]]
            scores = [float(queries[i] @ targets[j]) / temperature for j in allowed]
            total -= float(queries[i] @ targets[i]) / temperature - np.log(np.sum(np.exp(scores)))
    return total / (2 * len(images))


def naive_siglip(images, reports, temperature, bias, groups):
    total = 0.0
    for i in range(len(images)):
        for j in range(len(images)):
            if i != j and groups[i] == groups[j]:
                continue
            sign = 1 if i == j else -1
            total += np.log1p(np.exp(-sign * (float(images[i] @ reports[j]) / temperature + bias)))
    return total / len(images)


@pytest.mark.parametrize("groups", [[0, 1, 2, 3, 4], [0, 1, 0, 3, 1], [0]])
def test_losses_equal_a_naive_loop(groups):
    images, reports = unit(len(groups), 8), unit(len(groups), 8, seed=1)
    numbers = torch.tensor(groups)
    ours = info_nce(images, reports, torch.tensor(0.1), numbers)
    assert float(ours) == pytest.approx(naive_info_nce(images, reports, 0.1, groups), abs=1e-5)
    pairwise = siglip(images, reports, torch.tensor(0.1), torch.tensor(-2.0), numbers)
    assert float(pairwise) == pytest.approx(naive_siglip(images, reports, 0.1, -2.0, groups), rel=1e-5)


def test_identical_reports_do_not_repel_each_other():
    images = unit(3, 8).float().requires_grad_()
    report = unit(1, 8, seed=1).float().repeat(3, 1)
    info_nce(images, report, torch.tensor(0.07), torch.zeros(3)).backward()
    assert torch.count_nonzero(images.grad) == 0


def test_matching_pairs_have_the_lower_loss():
    images, groups = unit(6, 8), torch.arange(6)
    matched = info_nce(images, images, torch.tensor(0.07), groups)
    assert matched < info_nce(images, images.roll(1, 0), torch.tensor(0.07), groups)
