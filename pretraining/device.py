"""Where to compute."""

from __future__ import annotations

import torch

from pretraining.errors import UserError


def choose_device(name: str) -> torch.device:
    """The device of that name, checked.

    Args:
        name: `auto`, or what `torch.device` takes.

    Raises:
        UserError: there is no such device on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--device {name} cannot be used on this machine ({reason}); give --device cpu or auto"
        ) from error
    return device
