import pytest
import torch

from nnunetv2_mosmos.transfer.projector import transfer_projector
from pretraining.image.pixel_projector import PixelProjector

FLAT = [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16)]


def actions(transfer):
    return {row.tensor: row.action for row in transfer.table.rows}


def test_laterals_match_by_stride_and_not_by_stage():
    source = PixelProjector((3, 4, 5, 6, 7), FLAT, 3, 8, 2)
    deeper = [(1, 1, 1), (1, 2, 2), (1, 4, 4), (2, 4, 4), (4, 8, 8), (8, 16, 16)]
    target = PixelProjector((3, 4, 5, 5, 6, 7), deeper, 4, 8, 3)
    transfer = transfer_projector(source.state_dict(), FLAT, target, deeper)
    assert transfer.table.share == 1
    assert torch.equal(transfer.tensors["laterals.4.weight"].flatten(), source.laterals["3"].weight.flatten())
    assert torch.equal(transfer.tensors["laterals.5.bias"], source.laterals["4"].bias)


def test_a_lateral_that_does_not_fit_starts_at_zero_beside_one_that_does():
    source = PixelProjector((3, 4, 5, 6, 9), FLAT, 3, 8, 2)
    target = PixelProjector((3, 4, 5, 6, 7), FLAT, 3, 8, 2)
    transfer = transfer_projector(source.state_dict(), FLAT, target, FLAT)
    assert actions(transfer) == {
        "laterals.3.weight": "copied",
        "laterals.3.bias": "copied",
        "laterals.4.weight": "zeroed",
        "laterals.4.bias": "zeroed",
    }
    assert transfer.tensors["laterals.4.weight"].abs().max() == 0
    assert transfer.tensors["laterals.4.bias"].abs().max() == 0


def test_where_nothing_fits_nothing_is_zeroed():
    source = PixelProjector((3, 4, 5, 6, 9), FLAT, 4, 8, 2)
    target = PixelProjector((3, 4, 5), FLAT[:3], 2, 8, 2)
    transfer = transfer_projector(source.state_dict(), FLAT, target, FLAT[:3])
    assert transfer.tensors == {}
    assert set(actions(transfer).values()) == {"skipped"}
    assert "no lateral of stride 4" in transfer.table.rows[0].detail


@pytest.mark.parametrize("token", [(4, 16, 16), (8, 8, 8)])
def test_taps_of_a_transformer_match_by_index_whatever_the_token_size(token):
    strides = [(16, 16)] * 3
    source = PixelProjector((4, 4, 4), strides, 0, 8, 2)
    target = PixelProjector((4, 4, 4), [token] * 3, 0, 8, 3)
    transfer = transfer_projector(source.state_dict(), strides, target, [token] * 3)
    for tap in "012":
        moved = transfer.tensors[f"laterals.{tap}.weight"]
        assert torch.equal(moved.flatten(), source.laterals[tap].weight.flatten())
