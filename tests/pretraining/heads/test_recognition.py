import numpy as np
import pytest
import torch
from torch.nn import functional

from pretraining.heads.recognition import INITIAL_SCALE, CosineAttentionRecognition


def unit(*shape, axis, seed):
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(values, dim=axis)


@pytest.mark.parametrize("grid", [(3, 4), (2, 3, 2)])
def test_equals_a_naive_loop_over_positions(grid):
    head = CosineAttentionRecognition(8, 0.1)
    torch.nn.init.normal_(head.value.weight)
    torch.nn.init.normal_(head.log_scale)
    torch.nn.init.normal_(head.bias)
    pixels, tags = unit(2, 8, *grid, axis=1, seed=0), unit(5, 8, axis=1, seed=1)
    with torch.no_grad():
        found = head(pixels, tags)
    v, t = pixels.flatten(2).numpy(), tags.numpy()
    value, scale, bias = (part.detach().numpy() for part in (head.value.weight, head.log_scale.exp(), head.bias))
    for image in range(2):
        for tag in range(5):
            cosines = np.array([v[image, :, g] @ t[tag] for g in range(v.shape[2])])
            attention = np.exp(cosines / 0.1) / np.exp(cosines / 0.1).sum()
            pooled = sum(attention[g] * (value @ v[image, :, g]) for g in range(v.shape[2]))
            logit = scale[0] * sum(attention * cosines) + bias[0]
            assert found.maps[image, tag].numpy().ravel() == pytest.approx(cosines, abs=1e-5)
            assert float(found.logits[image, tag]) == pytest.approx(logit, abs=1e-4)
            assert found.pooled[image, tag].numpy() == pytest.approx(pooled, abs=1e-4)


def test_starts_as_the_pooled_cosine():
    head = CosineAttentionRecognition(8, 0.07)
    tags = unit(3, 8, axis=1, seed=1)
    pixels = tags[0].reshape(1, 8, 1, 1).expand(1, 8, 2, 2)
    logits = head(pixels, tags).logits.detach()[0]
    assert logits.numpy() == pytest.approx(INITIAL_SCALE * (tags @ tags[0]).numpy(), abs=1e-4)


def test_only_a_higher_map_makes_a_tag_likelier():
    """Whatever is learned, no parameter turns a map over."""
    head = CosineAttentionRecognition(8, 0.07)
    torch.nn.init.normal_(head.value.weight, generator=torch.Generator().manual_seed(2))
    torch.nn.init.constant_(head.log_scale, -3.0)
    tag = unit(1, 8, axis=1, seed=1)
    other = functional.normalize(tag.roll(1, 1) - (tag.roll(1, 1) * tag).sum() * tag, dim=1)
    nowhere = other.reshape(1, 8, 1, 1).expand(1, 8, 3, 3)
    somewhere = nowhere.clone()
    somewhere[0, :, 1, 2] = tag[0]
    assert head(somewhere, tag).logits > head(nowhere, tag).logits
