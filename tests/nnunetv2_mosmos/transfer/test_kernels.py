import pytest
import torch
from torch.nn import functional

from nnunetv2_mosmos.transfer.kernels import FitOptions, adapt_input_channels, fit_weight, inflate, resize_kernel


@pytest.mark.parametrize("inflation", ["centre", "mean"])
@pytest.mark.parametrize("depth", [1, 3])
def test_an_inflated_kernel_sees_a_depth_constant_volume_as_the_flat_one_sees_the_image(inflation, depth):
    weight, image = torch.randn(4, 2, 3, 3), torch.randn(1, 2, 10, 12)
    volume = image.unsqueeze(2).expand(-1, -1, 7, -1, -1)
    flat = functional.conv2d(image, weight, padding=1)
    deep = functional.conv3d(volume, inflate(weight, depth, inflation), padding=(depth // 2, 1, 1))
    interior = deep[:, :, depth // 2 : 7 - depth // 2]
    torch.testing.assert_close(interior, flat.unsqueeze(2).expand_as(interior), atol=1e-5, rtol=1e-5)


def test_a_collapsed_kernel_sees_the_image_as_the_deep_one_sees_the_depth_constant_volume():
    weight, image = torch.randn(4, 2, 3, 3, 3), torch.randn(1, 2, 10, 12)
    volume = image.unsqueeze(2).expand(-1, -1, 5, -1, -1)
    fitted = fit_weight(weight, (4, 2, 3, 3), FitOptions())
    assert fitted.action == "collapsed"
    deep = functional.conv3d(volume, weight, padding=1)[:, :, 2]
    torch.testing.assert_close(functional.conv2d(image, fitted.tensor, padding=1), deep, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("old", "new"), [(1, 4), (3, 1), (3, 4), (2, 2)])
def test_other_input_channels_keep_the_response_to_equal_channels(old, new):
    weight, image = torch.randn(5, old, 3, 3), torch.randn(1, 1, 8, 8)
    adapted = adapt_input_channels(weight, new, new)
    before = functional.conv2d(image.expand(-1, old, -1, -1), weight)
    torch.testing.assert_close(functional.conv2d(image.expand(-1, new, -1, -1), adapted), before, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("old", [1, 3, 4])
def test_cascade_channels_start_at_zero_behind_the_image_channels(old):
    weight = torch.randn(5, old, 3, 3, 3)
    fitted = fit_weight(weight, (5, 4, 3, 3, 3), FitOptions(image_channels=1))
    assert fitted.action == "adapted"
    assert "3 cascade channel(s) at zero" in fitted.detail
    torch.testing.assert_close(fitted.tensor[:, :1], weight.sum(1, keepdim=True))
    assert fitted.tensor[:, 1:].abs().max() == 0


@pytest.mark.parametrize(
    ("source", "target", "action"),
    [
        ((4, 2, 3, 3), (4, 2, 3, 3), "copied"),
        ((4, 2, 3, 3), (4, 2, 1, 3, 3), "inflated"),
        ((4, 2, 3, 3), (4, 2, 3, 3, 3), "inflated"),
        ((4, 2, 3, 3, 3), (4, 2, 1, 3, 3), "cropped"),
        ((4, 2, 1, 3, 3), (4, 2, 3, 3, 3), "padded"),
        ((4, 2, 5, 5), (4, 2, 3, 3), "cropped"),
        ((4,), (4,), "copied"),
        ((4,), (5,), "skipped"),
        ((4, 2, 3, 3), (5, 2, 3, 3), "skipped"),
        ((4, 2, 3, 3), (4, 3, 3, 3), "skipped"),
        ((4, 2), (4, 3), "skipped"),
    ],
)
def test_what_is_done_is_said(source, target, action):
    fitted = fit_weight(torch.randn(source), target, FitOptions())
    assert fitted.action == action
    if action == "skipped":
        assert fitted.tensor is None
        assert str(source) in fitted.detail and str(target) in fitted.detail
    else:
        assert tuple(fitted.tensor.shape) == target


def test_a_kernel_is_cropped_and_padded_about_its_middle():
    kernel = torch.arange(9.0).view(1, 1, 3, 3)
    assert resize_kernel(kernel, (1, 3)).flatten().tolist() == [3, 4, 5]
    padded = resize_kernel(kernel, (5, 3))
    assert torch.equal(padded[:, :, 1:4], kernel)
    assert padded[:, :, [0, 4]].abs().max() == 0


def test_a_flat_kernel_at_depth_one_is_taken_as_it_is():
    weight = torch.randn(4, 2, 3, 3)
    assert torch.equal(fit_weight(weight, (4, 2, 1, 3, 3), FitOptions()).tensor.squeeze(2), weight)
