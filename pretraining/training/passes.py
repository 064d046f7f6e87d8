"""A forward pass that is taken once, or again when its gradient is known, so that its activations need not be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor


class Pass:
    """One forward pass and, later, its backward pass.

    After GradCache (Gao et al., *Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup*, 2021).

    Args:
        forward: gives named outputs.
        keep: keep the activations; otherwise `forward` runs again, with the same random numbers, for the gradient.
        device: whose random numbers `forward` draws besides the CPU's.

    Attributes:
        outputs: what `forward` gave, cut off from it; their gradients collect here.
    """

    def __init__(self, forward: Callable[[], Mapping[str, Tensor]], keep: bool, device: torch.device) -> None:
        self.forward = forward
        self.device = device
        self.random = None if keep else _random_state(device)
        self.kept: Mapping[str, Tensor] | None = None
        with torch.set_grad_enabled(keep):
            found = forward()
        if keep:
            self.kept = found
        self.outputs = {name: value.detach().requires_grad_() for name, value in found.items()}

    def backward(self) -> None:
        """Send the gradients of the outputs on to the parameters."""
        found = self.kept if self.kept is not None else self._again()
        learning = {name: value for name, value in found.items() if self.outputs[name].grad is not None}
        learning = {name: value for name, value in learning.items() if value.requires_grad}
        torch.autograd.backward(list(learning.values()), [self.outputs[name].grad for name in learning])
        self.kept = None

    def _again(self) -> Mapping[str, Tensor]:
        assert self.random is not None
        after = _random_state(self.device)
        _set_random_state(self.random, self.device)
        found = self.forward()
        _set_random_state(after, self.device)
        return found


def _random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return torch.random.get_rng_state(), on_device


def _set_random_state(state: tuple[Tensor, Tensor | None], device: torch.device) -> None:
    torch.random.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)
