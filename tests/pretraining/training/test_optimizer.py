import pytest
import torch
from torch import nn

from pretraining.training.config import OptimizationConfig, TextConfig, TrainConfig
from pretraining.training.optimizer import build_optimizer, build_schedule


class Task(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Linear(2, 2)
        self.text_encoder = nn.Linear(2, 2)


def test_text_has_its_own_rate_and_biases_have_no_decay():
    config = TrainConfig(
        text=TextConfig(text_encoder="some/model"), optimization=OptimizationConfig(learning_rate=1e-3)
    )
    groups = build_optimizer(Task(), config).param_groups
    found = sorted((round(group["lr"], 7), group["weight_decay"]) for group in groups)
    assert found == [(2.5e-4, 0.0), (2.5e-4, 0.05), (1e-3, 0.0), (1e-3, 0.05)]


def test_the_rate_rises_and_then_falls_along_a_cosine():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = build_schedule(optimizer, steps=100, warmup_fraction=0.1)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:11] == pytest.approx([1.0, 1.0])
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] < 0.001
