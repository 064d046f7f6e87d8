import pytest
import torch
from torch.nn import functional

from pretraining.image.vit_patch_embedding import adapt_patch_embedding


def embed(image, weight):
    convolution = {4: functional.conv2d, 5: functional.conv3d}[image.ndim]
    return convolution(image, weight, stride=tuple(weight.shape[2:]))


@pytest.mark.parametrize("inflation", ["mean", "centre"])
@pytest.mark.parametrize("depth", [1, 4, 5])
def test_a_depth_constant_volume_gives_the_tokens_of_the_image(inflation, depth):
    weight, image = torch.randn(6, 2, 8, 4), torch.randn(1, 2, 16, 12)
    inflated, description = adapt_patch_embedding(weight, (6, 2, depth, 8, 4), inflation=inflation)
    volume = image.unsqueeze(2).repeat(1, 1, 2 * depth, 1, 1)
    expected = embed(image, weight)
    tokens = embed(volume, inflated)
    assert tokens.shape[2] == 2
    for layer in range(2):
        torch.testing.assert_close(tokens[:, :, layer], expected, rtol=1e-4, atol=1e-4)
    assert description == f"inflated to depth {depth} ({inflation})"


def test_centre_looks_at_the_middle_slice_alone():
    weight = torch.randn(6, 1, 4, 4)
    inflated, _ = adapt_patch_embedding(weight, (6, 1, 5, 4, 4), inflation="centre")
    assert torch.equal(inflated[:, :, 2], weight)
    assert inflated[:, :, [0, 1, 3, 4]].abs().max() == 0


@pytest.mark.parametrize(("factors", "small"), [((2, 2), (4, 4)), ((4, 1), (2, 8))])
def test_a_smaller_token_sees_the_image_as_if_enlarged(factors, small):
    weight, image = torch.randn(6, 2, 8, 8), torch.randn(1, 2, 3 * small[0], 2 * small[1])
    shrunk, description = adapt_patch_embedding(weight, (6, 2, *small))
    enlarged = image.repeat_interleave(factors[0], 2).repeat_interleave(factors[1], 3)
    torch.testing.assert_close(embed(image, shrunk), embed(enlarged, weight), rtol=1e-4, atol=1e-4)
    assert description == f"token size 8x8 -> {small[0]}x{small[1]} by area"


@pytest.mark.parametrize("size", [(3, 5), (16, 16), (7, 8)])
def test_any_token_size_keeps_the_response_to_a_constant_image(size):
    weight = torch.randn(6, 2, 8, 8)
    resized, _ = adapt_patch_embedding(weight, (6, 2, *size))
    torch.testing.assert_close(resized.sum((2, 3)), weight.sum((2, 3)), rtol=1e-4, atol=1e-4)


def test_a_linear_kernel_stays_linear_where_tokens_do_not_divide():
    weight = torch.arange(8.0).view(1, 1, 8, 1)
    resized, _ = adapt_patch_embedding(weight, (1, 1, 3, 1))
    # By hand: each third takes 8/3 cells of 0..7.
    torch.testing.assert_close(
        resized.flatten(), torch.tensor([0 + 1 + 2 * 2 / 3, 2 / 3 + 3 + 4 + 5 / 3, 10 / 3 + 6 + 7])
    )


def test_equal_channels_give_the_same_tokens_whatever_their_count():
    weight, image = torch.randn(6, 3, 4, 4), torch.randn(1, 1, 8, 8)
    expected = embed(image.repeat(1, 3, 1, 1), weight)
    for channels in (1, 2, 4):
        adapted, description = adapt_patch_embedding(weight, (6, channels, 4, 4))
        torch.testing.assert_close(embed(image.repeat(1, channels, 1, 1), adapted), expected, rtol=1e-4, atol=1e-4)
        assert description == f"input channels 3 -> {channels}, summed and shared"


def test_channels_beyond_the_image_start_at_zero():
    weight = torch.randn(6, 1, 4, 4)
    adapted, description = adapt_patch_embedding(weight, (6, 4, 4, 4), image_channels=1)
    assert torch.equal(adapted[:, :1], weight) and adapted[:, 1:].abs().max() == 0
    assert description == "3 further channels at zero"


def test_a_volume_kernel_serves_images_as_slices_of_a_constant_volume():
    weight, image = torch.randn(6, 2, 5, 4, 4), torch.randn(1, 2, 8, 8)
    flat, description = adapt_patch_embedding(weight, (6, 2, 4, 4))
    volume = image.unsqueeze(2).repeat(1, 1, 5, 1, 1)
    torch.testing.assert_close(embed(image, flat), embed(volume, weight)[:, :, 0], rtol=1e-4, atol=1e-4)
    assert description == "summed over 5 along depth"


def test_the_same_shape_is_copied():
    weight = torch.randn(6, 2, 4, 4)
    adapted, description = adapt_patch_embedding(weight, (6, 2, 4, 4))
    assert torch.equal(adapted, weight) and description == "copied"
    assert adapted.data_ptr() != weight.data_ptr()


def test_another_hidden_size_is_refused():
    with pytest.raises(ValueError, match="cannot serve"):
        adapt_patch_embedding(torch.randn(6, 2, 4, 4), (8, 2, 4, 4))
