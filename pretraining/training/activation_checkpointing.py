"""Trades time for memory: activations inside a stage are computed again for the gradient instead of being kept."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from pretraining.errors import UserError
from pretraining.training.task import PretrainingTask


def stages_of(encoder: nn.Module) -> list[nn.Module]:
    """The parts of an image encoder between which activations are kept: stages, or blocks of a transformer."""
    for name in ("stages", "blocks"):
        if isinstance(found := getattr(encoder, name, None), nn.Sequential | nn.ModuleList):
            return list(found)
    raise AssertionError(f"{type(encoder).__name__} has neither stages nor blocks")


def checkpoint_activations(task: PretrainingTask) -> None:
    """Keep only what the stages of the image encoder and the layers of the text encoder hand on.

    Args:
        task: changed in place; its state dictionary stays the same.

    Raises:
        UserError: the text encoder cannot do it.
    """
    for stage in stages_of(task.model.encoder):
        stage.forward = partial(checkpoint, stage.forward, use_reentrant=False)
    if task.text_encoder is not None:
        transformer = task.text_encoder.transformer
        # transformers 5 has renamed it.
        enable = getattr(transformer, "activation_checkpointing_enable", transformer.gradient_checkpointing_enable)
        try:
            enable({"use_reentrant": False})
        except ValueError as error:
            raise UserError(
                f"the text encoder {type(transformer).__name__} cannot checkpoint its activations; leave out "
                "--checkpoint-activations, or freeze it with --freeze-text"
            ) from error
