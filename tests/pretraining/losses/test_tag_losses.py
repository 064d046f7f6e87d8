import numpy as np
import pytest
import torch

from pretraining.losses.masked_asymmetric import masked_asymmetric
from pretraining.losses.masked_bce import masked_bce

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 4.0]])
TARGETS = torch.tensor([[1, 0, -1], [-1, 1, 0]])


def naive(term):
    known = [(float(z), int(y)) for z, y in zip(LOGITS.flatten(), TARGETS.flatten(), strict=True) if y >= 0]
    return np.mean([term(1 / (1 + np.exp(-z)), y) for z, y in known])


def test_bce_equals_a_naive_mean_over_known_entries():
    expected = naive(lambda p, y: -np.log(p if y else 1 - p))
    assert float(masked_bce(LOGITS, TARGETS)) == pytest.approx(expected, rel=1e-6)


def test_asymmetric_equals_a_naive_mean_over_known_entries():
    def term(p, y):
        shifted = max(p - 0.05, 0)
        return -((1 - p) * np.log(p) if y else shifted**4 * np.log(1 - shifted))

    assert float(masked_asymmetric(LOGITS, TARGETS)) == pytest.approx(naive(term), rel=1e-5)


@pytest.mark.parametrize("loss", [masked_bce, masked_asymmetric])
def test_unknown_tags_have_no_gradient(loss):
    logits = LOGITS.clone().requires_grad_()
    loss(logits, TARGETS).backward()
    assert torch.equal(logits.grad == 0, TARGETS == -1)


@pytest.mark.parametrize("loss", [masked_bce, masked_asymmetric])
def test_extreme_logits_and_nothing_known_stay_finite(loss):
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    value = loss(logits, torch.tensor([[0, 1]])) + loss(logits, torch.tensor([[-1, -1]]))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
