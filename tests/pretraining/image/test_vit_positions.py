import pytest
import torch

from pretraining.image.vit_positions import adapt_positions, resample_positions


def test_the_same_grid_is_the_table_itself():
    table = torch.randn(1, 3, 4, 5)
    assert resample_positions(table, (4, 5)) is table
    adapted, description = adapt_positions(table, (1, 3, 4, 5))
    assert torch.equal(adapted, table) and description == "copied"
    assert adapted.data_ptr() != table.data_ptr()


def test_stretching_keeps_a_ramp_a_ramp():
    ramp = torch.arange(8.0).view(1, 1, 8, 1).expand(1, 1, 8, 4)
    stretched, description = adapt_positions(ramp, (1, 1, 16, 4))
    centres = (torch.arange(16) + 0.5) / 2 - 0.5
    # Torch's cubic kernel is not exactly linear on a ramp: a twentieth of a step is what it strays.
    assert (stretched[0, 0, 4:-4, 0] - centres[4:-4]).abs().max() < 0.05
    assert description == "positions interpolated 8x4 -> 16x4"


def test_a_volume_repeats_the_image_table_along_depth():
    table = torch.randn(1, 3, 4, 5)
    volume, description = adapt_positions(table, (1, 3, 6, 8, 5))
    expected = resample_positions(table, (8, 5))
    assert all(torch.equal(volume[:, :, depth], expected) for depth in range(6))
    assert description == "positions interpolated 4x5 -> 8x5, repeated 6 x along depth"


def test_an_image_takes_the_mean_over_depth():
    table = torch.randn(1, 3, 6, 4, 5)
    image, description = adapt_positions(table, (1, 3, 4, 5))
    torch.testing.assert_close(image, table.mean(2))
    assert description == "positions averaged over 6 along depth"
    back, _ = adapt_positions(image, (1, 3, 6, 4, 5))
    torch.testing.assert_close(back.mean(2), image)


def test_volumes_stretch_along_every_axis():
    ramp = torch.arange(4.0).view(1, 1, 4, 1, 1).expand(1, 1, 4, 2, 3)
    stretched, _ = adapt_positions(ramp, (1, 1, 8, 2, 3))
    torch.testing.assert_close(stretched[0, 0, :, 0, 0], torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]))


def test_another_hidden_size_is_refused():
    with pytest.raises(ValueError, match="cannot serve"):
        adapt_positions(torch.randn(1, 3, 4, 5), (1, 4, 4, 5))
