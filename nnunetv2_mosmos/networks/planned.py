"""The network that the plans name, of whatever class."""

from __future__ import annotations

import inspect
import pydoc
from typing import TYPE_CHECKING

from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from torch import nn

from pretraining.errors import UserError

if TYPE_CHECKING:
    from nnunetv2.utilities.plans_handling.plans_handler import ConfigurationManager


def planned_network(
    configuration: ConfigurationManager, input_channels: int, output_channels: int, deep_supervision: bool
) -> nn.Module:
    """Build the network of a configuration, with random weights.

    Args:
        configuration: nnU-Net's configuration.
        input_channels: channels of the input.
        output_channels: segmentation heads.
        deep_supervision: whether the decoder returns a list of logits; not told to a class that does not ask.

    Raises:
        UserError: there is no such class.
    """
    try:
        network: nn.Module = get_network_from_plans(
            configuration.network_arch_class_name,
            configuration.network_arch_init_kwargs,
            configuration.network_arch_init_kwargs_req_import,
            input_channels,
            output_channels,
            allow_init=True,
            deep_supervision=deep_supervision if takes_deep_supervision(configuration) else None,
        )
    except (ImportError, pydoc.ErrorDuringImport) as error:
        raise UserError(
            f"the network class {configuration.network_arch_class_name} that the plans name cannot be imported "
            f"({error}): install the package that has it, or correct network_class_name in the plans"
        ) from error
    return network


def takes_deep_supervision(configuration: ConfigurationManager) -> bool:
    """Whether the network's class has an argument `deep_supervision`, as nnU-Net's have."""
    network_class = pydoc.locate(configuration.network_arch_class_name)
    # nnU-Net finds its own classes after they have moved.
    if not isinstance(network_class, type):
        return True
    return "deep_supervision" in inspect.signature(network_class).parameters


def is_unet(configuration: ConfigurationManager) -> bool:
    """Whether the planned network has the encoder and the decoder that maps can be injected between."""
    if configuration.network_arch_class_name.startswith("dynamic_network_architectures.architectures.unet."):
        return True
    return has_unet_parts(planned_network(configuration, 1, 1, False))


def has_unet_parts(network: nn.Module) -> bool:
    """Whether a network is made of an encoder and a decoder as nnU-Net's U-Nets are."""
    encoder = getattr(network, "encoder", None)
    return all(hasattr(encoder, name) for name in ("strides", "output_channels")) and hasattr(network, "decoder")
