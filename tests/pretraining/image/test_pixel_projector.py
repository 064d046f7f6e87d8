import pytest
import torch
from torch.nn import functional

from pretraining.image.pixel_projector import PixelProjector, attention_maps


def test_embeddings_are_unit_vectors_on_the_map_grid():
    projector = PixelProjector([4, 8, 16], [(1, 1), (2, 2), (4, 4)], 1, 6, 2)
    features = [torch.randn(2, 4, 16, 16), torch.randn(2, 8, 8, 8), torch.randn(2, 16, 4, 4)]
    pixels = projector(features)
    assert pixels.shape == (2, 6, 8, 8)
    assert pixels.norm(dim=1).detach().numpy() == pytest.approx(1)
    expected = projector.laterals["1"](features[1]) + functional.interpolate(
        projector.laterals["2"](features[2]), size=(8, 8), mode="bilinear"
    )
    assert torch.allclose(pixels, functional.normalize(expected, dim=1), atol=1e-6)


def test_maps_are_cosines():
    pixels = functional.normalize(torch.randn(1, 5, 2, 3, 4), dim=1)
    tags = functional.normalize(torch.randn(7, 5), dim=1)
    maps = attention_maps(pixels, tags)
    assert maps.shape == (1, 7, 2, 3, 4)
    assert float(maps[0, 6, 1, 2, 3]) == pytest.approx(float(pixels[0, :, 1, 2, 3] @ tags[6]), abs=1e-6)
