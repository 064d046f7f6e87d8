"""Memory that ran out, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pretraining.errors import UserError
from pretraining.training.config import TrainConfig

# What torch's allocator of main memory says, on Linux and on Windows; it has no class of its own.
CPU_MESSAGES = ("can't allocate memory", "not enough memory")


@contextmanager
def memory_problems_are_users(folder: Path, config: TrainConfig) -> Iterator[None]:
    """Turn running out of memory, the device's or the machine's, into a `UserError` that names what to lower.

    Args:
        folder: the run's folder.
        config: the sizes asked for.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not _is_out_of_memory(error):
            raise
        size = " ".join(map(str, config.image.image_size))
        reason = str(error).strip().split("\n")[0] or "no more memory"
        raise UserError(
            f"out of memory ({reason}); lower --micro-batch-size, --batch-size (now "
            f"{config.optimization.batch_size}) or --image-size (now {size}); what {folder} holds is intact"
        ) from error


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(message in str(error) for message in CPU_MESSAGES)
