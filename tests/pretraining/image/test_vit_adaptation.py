import pytest
import torch

from pretraining.image.vit import VitEncoder
from pretraining.image.vit_adaptation import adapt_vit_tensor

TINY = {"hidden_size": 24, "mlp_dim": 32, "num_layers": 3, "num_heads": 2, "taps": [0, 2]}


def move(source, target):
    shapes = {name: value.shape for name, value in target.state_dict().items()}
    adapted = {name: adapt_vit_tensor(name, value, shapes[name]) for name, value in source.state_dict().items()}
    target.load_state_dict(adapted)
    return {name for name, value in adapted.items() if not torch.equal(value, source.state_dict()[name])}


def test_the_whole_transformer_sees_the_image_in_a_depth_constant_volume():
    torch.manual_seed(0)
    flat = VitEncoder(2, 1, patch_size=8, image_size=(24, 32), **TINY)
    deep = VitEncoder(3, 1, patch_size=(4, 8, 8), image_size=(12, 24, 32), **TINY)
    changed = move(flat, deep)
    image = torch.randn(2, 1, 24, 32)
    # Attention averages over equal copies of each token: every block, not only the embedding, gives the 2D result.
    for volume_tokens, image_tokens in zip(deep(image.unsqueeze(2).repeat(1, 1, 12, 1, 1)), flat(image), strict=True):
        for layer in range(3):
            torch.testing.assert_close(volume_tokens[:, :, layer], image_tokens, rtol=1e-4, atol=1e-5)
    assert changed == {"patch_embedding.weight", "position_embeddings"}


def test_smaller_tokens_see_an_image_of_lower_resolution_as_before():
    torch.manual_seed(0)
    coarse = VitEncoder(2, 3, patch_size=8, image_size=(24, 32), **TINY)
    fine = VitEncoder(2, 1, patch_size=4, image_size=(12, 16), **TINY)
    move(coarse, fine)
    image = torch.randn(1, 1, 12, 16)
    enlarged = image.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat(1, 3, 1, 1)
    for small, large in zip(fine(image), coarse(enlarged), strict=True):
        torch.testing.assert_close(small, large, rtol=1e-4, atol=1e-5)


def test_another_width_is_refused_by_name():
    with pytest.raises(ValueError, match=r"blocks.0.mlp.linear1.weight has shape \(32, 24\)"):
        adapt_vit_tensor("blocks.0.mlp.linear1.weight", torch.zeros(32, 24), (64, 24))
