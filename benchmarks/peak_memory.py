"""The most memory that this process ever held."""

from __future__ import annotations

from pathlib import Path

import torch


def peak_mib(device: torch.device) -> float:
    """Of PyTorch's allocator on a GPU; of the whole process on the CPU, as Linux counts it. In MiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    # Not `getrusage`, whose maximum begins with the parent's.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
