import pytest
import torch

from pretraining.errors import UserError
from pretraining.training.out_of_memory import memory_problems_are_users


def allocate():
    torch.empty(2**50, dtype=torch.uint8)


def device_is_full():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nSee documentation")


def python_is_full():
    raise MemoryError


@pytest.mark.parametrize("fill", [allocate, device_is_full, python_is_full])
def test_running_out_of_memory_names_what_to_lower(fill, tiny_config, tmp_path):
    with pytest.raises(UserError) as full, memory_problems_are_users(tmp_path, tiny_config):
        fill()
    message = str(full.value)
    assert "--batch-size (now 8) or --image-size (now 32 32)" in message
    assert "\n" not in message


def test_other_errors_keep_their_traceback(tiny_config, tmp_path):
    with pytest.raises(RuntimeError, match="must match"), memory_problems_are_users(tmp_path, tiny_config):
        torch.zeros(2) + torch.zeros(3)
