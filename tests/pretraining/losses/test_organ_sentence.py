import numpy as np
import pytest
import torch
from torch.nn import functional

from pretraining.losses.organ_sentence import organ_sentence

TAGS = [0, 0, 1, 0, 1, 2]
NOTHING_SIMILAR = torch.eye(6, dtype=torch.bool)


def by_tag(similar, tags=TAGS):
    rows = {tag: [row for row, other in enumerate(tags) if other == tag] for tag in tags}
    return {tag: similar[members][:, members] for tag, members in rows.items()}


def unit(seed):
    return functional.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def naive(organs, sentences, tags, temperature, similar):
    losses = []
    for i in range(len(tags)):
        negatives = [j for j in range(len(tags)) if j != i and tags[j] == tags[i] and not similar[i][j]]
        if not negatives:
            continue
        for queries, targets in ((organs, sentences), (sentences, organs)):
            scores = [float(queries[i] @ targets[j]) / temperature for j in [i, *negatives]]
            losses.append(np.log(np.sum(np.exp(scores))) - scores[0])
    return np.mean(losses)


def test_equals_a_naive_loop_over_same_organ_pairs():
    similar = NOTHING_SIMILAR.clone()
    similar[0, 3] = similar[3, 0] = True
    ours = organ_sentence(unit(0), unit(1), torch.tensor(TAGS), torch.tensor(0.1), by_tag(similar))
    assert float(ours) == pytest.approx(naive(unit(0), unit(1), TAGS, 0.1, similar), rel=1e-5)


def test_an_organ_that_nobody_else_describes_has_no_gradient():
    organs = unit(0).requires_grad_()
    organ_sentence(organs, unit(1), torch.tensor(TAGS), torch.tensor(0.1), by_tag(NOTHING_SIMILAR)).backward()
    assert torch.count_nonzero(organs.grad[5]) == 0
    assert torch.count_nonzero(organs.grad[0]) > 0


def test_is_zero_and_differentiable_without_any_negative():
    organs = unit(0).requires_grad_()
    alone = by_tag(NOTHING_SIMILAR, list(range(6)))
    loss = organ_sentence(organs, unit(1), torch.arange(6), torch.tensor(0.1), alone)
    loss.backward()
    assert float(loss.detach()) == 0
