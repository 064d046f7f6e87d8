"""A learnable temperature that cannot run away."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# IDEA (the same group's earlier work) keeps its temperature in this range.
LOWEST, HIGHEST = 0.001, 0.5


class Temperature(nn.Module):
    """A positive number in [0.001, 0.5], learned on a logarithmic scale.

    Args:
        initial: starting value; 0.07 as in CLIP.
        learnable: whether training moves it.
    """

    def __init__(self, initial: float = 0.07, learnable: bool = True) -> None:
        super().__init__()
        self.log_value = nn.Parameter(torch.tensor(math.log(initial)), requires_grad=learnable)

    def forward(self) -> Tensor:
        """The temperature, a scalar."""
        return self.log_value.clamp(math.log(LOWEST), math.log(HIGHEST)).exp()
