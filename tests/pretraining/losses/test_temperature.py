import pytest
import torch

from pretraining.losses.temperature import HIGHEST, LOWEST, Temperature


def test_starts_as_clip_does():
    assert float(Temperature()().detach()) == pytest.approx(0.07)


@pytest.mark.parametrize(("direction", "bound"), [(1, HIGHEST), (-1, LOWEST)])
def test_pressed_against_a_bound_it_stays_there_and_learns_again_once_it_is_wanted_elsewhere(direction, bound):
    temperature = Temperature()
    optimizer = torch.optim.SGD(temperature.parameters(), lr=1.0)

    def step(wanted):
        optimizer.zero_grad()
        (-wanted * temperature().log()).backward()
        optimizer.step()
        temperature.keep_within_bounds()
        return float(temperature().detach())

    assert [step(direction) for _ in range(10)][-1] == pytest.approx(bound)
    assert step(-direction) == pytest.approx(bound * 2.718281828**-direction, rel=1e-5)
