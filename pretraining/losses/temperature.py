"""A learnable temperature that cannot run away."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# IDEA (the same group's earlier work) keeps its temperature in this range.
LOWEST, HIGHEST = 0.001, 0.5
# As in CLIP.
INITIAL = 0.07


class Temperature(nn.Module):
    """A positive number, learned on a logarithmic scale; `keep_within_bounds` keeps it in [0.001, 0.5]."""

    def __init__(self) -> None:
        super().__init__()
        self.log_value = nn.Parameter(torch.tensor(math.log(INITIAL)))

    def forward(self) -> Tensor:
        """The temperature, a scalar."""
        return self.log_value.exp()

    @torch.no_grad()
    def keep_within_bounds(self) -> None:
        """Bring it back after a step of the optimizer, as CLIP does; clamped in `forward`, it would learn no more."""
        self.log_value.clamp_(math.log(LOWEST), math.log(HIGHEST))
