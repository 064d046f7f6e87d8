"""Gives a network of any class further input channels, without a change to what it computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Of the largest logit; half precision on a GPU differs by less, a channel in the wrong place by much more.
TOLERANCE = 0.01


def widen_input(wide: nn.Module, planned: nn.Module, channels: int) -> tuple[str, ...]:
    """Fill a network built for more input channels with the weights of the same network built for fewer.

    A weight of both that differs in its input channels, and in nothing else, belongs to a layer that receives the input
    (there may be several). Its slices for the further channels, which come last, become zero.

    Args:
        wide: built for the larger number of input channels; changed in place.
        planned: built for `channels`.
        channels: input channels of `planned`.

    Returns:
        The names of these layers; empty, and `wide` unchanged, where the networks differ in any other way.
    """
    sources, targets = _tensors(planned), _tensors(wide)
    if sources.keys() != targets.keys():
        return ()
    entering = [name for name, target in targets.items() if target.shape != sources[name].shape]
    if not all(_differs_in_input_channels(sources[name], targets[name], channels) for name in entering):
        return ()
    with torch.no_grad():
        for name, target in targets.items():
            if name in entering:
                target[:, :channels] = sources[name]
                target[:, channels:] = 0
            else:
                target.copy_(sources[name])
    return tuple(name.rpartition(".")[0] for name in entering)


def ignores_further_channels(wide: nn.Module, planned: nn.Module, image: Tensor, further: Tensor) -> bool:
    """Whether a widened network still computes what the planned one does.

    The weights alone do not tell: a network may mix its input channels before any layer sees them.

    Args:
        wide: from `widen_input`.
        planned: likewise.
        image: `(B, C, *S)`, what `planned` takes.
        further: `(B, K, *S)`, what `wide` takes behind it.
    """
    with torch.no_grad():
        expected = planned.eval()(image)
        difference = wide.eval()(torch.cat([image, further], 1)) - expected
    return bool(difference.abs().max() <= TOLERANCE * expected.abs().max())


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _differs_in_input_channels(planned: Tensor, wide: Tensor, channels: int) -> bool:
    return planned.ndim > 1 and planned.shape[1] == channels and planned[:, 0].shape == wide[:, 0].shape
