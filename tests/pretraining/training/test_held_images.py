import resource
import tempfile
from dataclasses import replace

import pytest
import torch

from pretraining.data.batches import Batch
from pretraining.errors import UserError
from pretraining.training.held_images import HeldBatch

NONE = torch.zeros(0, dtype=torch.long)
BATCH = Batch(torch.rand(2, 1, 8, 8), NONE, NONE, NONE, NONE, NONE, ("a", "b"))


@pytest.mark.parametrize("spill", [True, False])
def test_images_come_back_as_they_were(spill):
    waiting = HeldBatch(BATCH, torch.device("cpu"), spill)
    assert waiting.batch.images.numel() == (0 if spill else BATCH.images.numel())
    assert torch.equal(waiting.read().images, BATCH.images)


def test_a_full_folder_of_temporary_files_is_one_sentence():
    batch = replace(BATCH, images=torch.zeros(8, 1, 256, 256))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot be written to \(.*; 2\.0 MiB are needed.* TMPDIR ") as full:
            HeldBatch(batch, torch.device("cpu"), spill=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(full.value).startswith(tempfile.gettempdir())
