"""A segmentation network of any class, with maps of a bundle's frozen encoder at its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from nnunetv2_mosmos.networks.base import Logits
from nnunetv2_mosmos.networks.frozen_maps import FrozenMaps
from nnunetv2_mosmos.networks.injection import Entrance, MapInjection, resample_maps
from pretraining.errors import UserError


class AnyNetwork(nn.Module):
    """Hands maps to a network whose inside is its own affair.

    Where `entering` names layers, the maps are further input channels, behind the image and a cascade's one-hot labels,
    and the weights for them started at zero (see `widen_input`). Elsewhere they are added to the image through a
    zero-initialized projection. Either way step 0 equals the network without maps.

    Args:
        network: takes the further channels where `entering` names layers.
        source: makes the maps from the image channels, which come first in the input.
        dim: dimensions of the data, 2 or 3.
        entering: names of the layers of `network` that receive its input.
    """

    def __init__(self, network: nn.Module, source: FrozenMaps, dim: int, entering: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.source = source
        self.image_channels = source.image_channels
        self.tag_count = len(source.tag_embeddings)
        self.entering = tuple(entering)
        if not entering:
            self.injection = MapInjection(self.image_channels, self.tag_count, dim)

    def maps_of(self, x: Tensor) -> Tensor:
        """Maps `(B, K, *G)` in [-1, 1] of a network input `(B, C, *S)`."""
        maps: Tensor = self.source(x[:, : self.image_channels])
        return maps

    @overload
    def forward(self, x: Tensor, return_maps: Literal[False] = False) -> Logits: ...
    @overload
    def forward(self, x: Tensor, return_maps: Literal[True]) -> tuple[Logits, None]: ...

    def forward(self, x: Tensor, return_maps: bool = False) -> Logits | tuple[Logits, None]:
        """Segment.

        Args:
            x: `(B, C, *S)` as nnU-Net normalizes it.
            return_maps: return a pair, as `MosmosNetwork` does; its maps are None, because there is nothing to train.

        Returns:
            What the network returns.
        """
        maps = self.maps_of(x)
        if self.entering:
            x = torch.cat([x, resample_maps(maps, x.shape[2:]).to(x.dtype)], 1)
        else:
            image = self.injection(x[:, : self.image_channels], maps)
            x = torch.cat([image, x[:, self.image_channels :]], 1)
        logits: Logits = self.network(x)
        return (logits, None) if return_maps else logits

    def set_deep_supervision(self, enabled: bool) -> None:
        """Switch every module that has nnU-Net's attribute `deep_supervision`.

        Raises:
            UserError: to be switched on, and no module has it.
        """
        switches: list[Any] = [module for module in self.network.modules() if hasattr(module, "deep_supervision")]
        if enabled and not switches:
            raise UserError(
                f"{type(self.network).__name__} takes an argument deep_supervision, but none of its modules keeps an "
                "attribute of that name, by which nnU-Net switches it off for validation: keep it, or leave the "
                "argument out"
            )
        for module in switches:
            module.deep_supervision = enabled

    def entrances(self) -> dict[str, Entrance]:
        """Where maps enter, by the layer's name."""
        if not self.entering:
            return {"image": Entrance(self.injection, self.injection.parts)}
        layers = {name: self.network.get_submodule(name) for name in self.entering}
        return {name: Entrance(layer, self._parts_of(layer)) for name, layer in layers.items()}

    def _parts_of(self, layer: nn.Module) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        axis = -1 if isinstance(layer, nn.Linear) else 1

        def parts(inputs: Tensor) -> tuple[Tensor, Tensor]:
            without = inputs.clone()
            without.narrow(axis, inputs.shape[axis] - self.tag_count, self.tag_count).zero_()
            # Not a call of the layer, which would run its hooks.
            response = layer.forward(without)
            return response, layer.forward(inputs) - response

        return parts
