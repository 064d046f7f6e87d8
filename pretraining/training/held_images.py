"""Images that wait for their second pass outside the memory that computing needs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from pretraining.data.batches import Batch
from pretraining.disk import disk_problems_are_users

THEN = "give the same command again, or set the environment variable TMPDIR to a folder on a larger disk"


class HeldBatch:
    """A batch whose images wait in a nameless temporary file, or, for an accelerator, in the machine's memory.

    Args:
        batch: on the CPU.
        device: where it will be used.
        spill: write the images to a file when they would wait in the memory that computing uses.

    Raises:
        UserError: the folder of temporary files is full.
    """

    def __init__(self, batch: Batch, device: torch.device, spill: bool) -> None:
        self.device = device
        self.file = None
        if spill and device.type == "cpu":
            self.shape, self.dtype = batch.images.shape, batch.images.dtype
            with disk_problems_are_users(Path(tempfile.gettempdir()), needed=batch.images.nbytes, then=THEN):
                self.file = tempfile.TemporaryFile()  # noqa: SIM115  # closed when this object goes
                batch.images.numpy().tofile(self.file)
            batch = replace(batch, images=torch.empty(0))
        self.batch = batch

    def read(self) -> Batch:
        """The batch, on the device."""
        if self.file is None:
            return self.batch.to(self.device)
        self.file.seek(0)
        values = np.fromfile(self.file, dtype=torch.empty(0, dtype=self.dtype).numpy().dtype)
        return replace(self.batch, images=torch.from_numpy(values).view(self.shape))
