import numpy as np
import pytest
import torch
from torch import nn

from pretraining.heads.reconstruction import MaskedReconstruction


class Recorder(nn.Module):
    """Keeps what it is shown; its features are constant."""

    def __init__(self, stride, channels=3):
        super().__init__()
        self.stride, self.channels = stride, channels

    def forward(self, images):
        self.shown = images
        grid = [size // step for size, step in zip(images.shape[2:], self.stride, strict=True)]
        return [torch.ones(len(images), self.channels, *grid)]


def make(stride, channels=2, fraction=0.6):
    torch.manual_seed(0)
    return MaskedReconstruction(channels, [3], [stride], 0, fraction)


@pytest.mark.parametrize(("stride", "size"), [((4, 4), (16, 24)), ((1, 4, 4), (3, 16, 16))])
def test_equals_a_naive_loop_over_hidden_positions(stride, size):
    head, encoder = make(stride).eval(), Recorder(stride)
    images = torch.randn(2, 2, *size)
    errors = head(images, encoder)
    hidden = head.draw(images)
    predicted = head.laterals[0](torch.ones(1, 3, *[1] * len(stride))).flatten().detach().numpy()
    for number in range(2):
        found = []
        for position in np.argwhere(hidden[number].numpy()):
            window = tuple(
                slice(place * step, (place + 1) * step) for place, step in zip(position, stride, strict=True)
            )
            found.append(np.mean((predicted - images[number][(slice(None), *window)].numpy().flatten()) ** 2))
        assert float(errors[number].detach()) == pytest.approx(np.mean(found), rel=1e-5)


def test_the_encoder_never_sees_what_is_hidden_and_sees_the_rest():
    head, encoder = make((4, 4)), Recorder((4, 4))
    images = torch.randn(2, 2, 32, 32)
    state = torch.random.get_rng_state()
    head(images, encoder)
    torch.random.set_rng_state(state)
    hidden = head.draw(images).repeat_interleave(4, 1).repeat_interleave(4, 2).unsqueeze(1).expand_as(images)
    assert torch.count_nonzero(encoder.shown[hidden]) == 0
    assert torch.equal(encoder.shown[~hidden], images[~hidden])
    assert 0.5 < float(hidden.float().mean()) < 0.7


def test_evaluation_hides_the_same_patches_every_time_and_training_others():
    head, images = make((4, 4)), torch.randn(4, 2, 32, 32)
    assert not torch.equal(head.draw(images), head.draw(images))
    head.eval()
    assert torch.equal(head.draw(images), head.draw(images))


def test_several_views_of_a_study_are_averaged():
    head, encoder = make((4, 4)).eval(), Recorder((4, 4))
    images = torch.randn(6, 2, 16, 16)
    assert torch.allclose(head(images.view(2, 3, 2, 16, 16), encoder), head(images, encoder).view(2, 3).mean(1))
