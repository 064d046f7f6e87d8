"""Looks at the maps of a network while it predicts, and changes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nnunetv2_mosmos.networks.any_network import AnyNetwork
from nnunetv2_mosmos.networks.base import MosmosNetwork
from nnunetv2_mosmos.networks.injection import Entrance

MapChange = Callable[[Tensor], Tensor]
SEED = 0


def zeroed(maps: Tensor) -> Tensor:
    """Maps that say nothing."""
    return torch.zeros_like(maps)


def shuffled(maps: Tensor) -> Tensor:
    """The maps `(B, K, *G)` with their positions permuted, all maps alike, and always in the same way."""
    positions = maps.flatten(2)
    order = torch.randperm(positions.shape[2], generator=torch.Generator().manual_seed(SEED))
    return positions[..., order.to(maps.device)].reshape(maps.shape)


@contextmanager
def changed_maps(network: MosmosNetwork | AnyNetwork, change: MapChange) -> Iterator[None]:
    """While this is entered, the network works with `change(maps)`.

    Args:
        network: uncompiled.
        change: keeps the shape.
    """
    own = network.maps_of
    # An attribute of the instance hides the method.
    vars(network)["maps_of"] = lambda *inputs: change(own(*inputs))
    try:
        yield
    finally:
        del vars(network)["maps_of"]


class InjectionNorms:
    """How much maps add where they enter, over all that the network predicts while this is entered.

    Args:
        network: uncompiled.
    """

    def __init__(self, network: MosmosNetwork | AnyNetwork) -> None:
        self.entrances = network.entrances()
        self.squares = {name: [0.0, 0.0] for name in self.entrances}

    def __enter__(self) -> InjectionNorms:
        self._hooks = [
            entrance.layer.register_forward_hook(self._recorder(name, entrance))
            for name, entrance in self.entrances.items()
        ]
        return self

    def __exit__(self, *exception: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def ratios(self) -> dict[str, float]:
        """For every entrance, the norm of what the maps add over the norm of what is there without them."""
        return {name: (added / max(rest, 1e-12)) ** 0.5 for name, (rest, added) in self.squares.items()}

    def _recorder(self, name: str, entrance: Entrance) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def record(layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            for index, part in enumerate(entrance.parts(*inputs)):
                self.squares[name][index] += float(part.detach().float().square().sum())

        return record
