import pytest
import torch

from pretraining.losses.temperature import HIGHEST, LOWEST, Temperature


@pytest.mark.parametrize(("log_value", "expected"), [(100.0, HIGHEST), (-100.0, LOWEST)])
def test_stays_within_its_bounds_whatever_training_does(log_value, expected):
    temperature = Temperature()
    with torch.no_grad():
        temperature.log_value.fill_(log_value)
    assert float(temperature().detach()) == pytest.approx(expected)


def test_starts_where_it_is_told():
    assert float(Temperature(0.07)().detach()) == pytest.approx(0.07)
