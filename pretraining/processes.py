"""The processes that train together: one on a laptop, several, on one machine or many, under `torchrun`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pretraining.errors import UserError

Value = TypeVar("Value")
# Values of a gradient that travel together.
BUCKET = 2**23
# The first process validates and saves while the others wait.
PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: its number; 0 writes the run's folder.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    def gather(self, rows: Tensor) -> Tensor:
        """Rows of all processes, in the order of their ranks; gradients flow back to this process's own.

        Args:
            rows: `(n, ...)`; n may differ between processes.

        Returns:
            `(sum of n, ...)`.
        """
        if self.count == 1:
            return rows
        counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(self.count)]
        dist.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
        longest = max(int(count) for count in counts)
        padded = torch.zeros(longest, *rows.shape[1:], dtype=rows.dtype, device=rows.device)
        padded[: len(rows)] = rows.detach()
        received = [torch.empty_like(padded) for _ in range(self.count)]
        dist.all_gather(received, padded)
        parts = [part[: int(count)] for part, count in zip(received, counts, strict=True)]
        parts[self.rank] = rows
        return torch.cat(parts)

    def gather_objects(self, value: Value) -> list[Value]:
        """What every process has, in the order of their ranks."""
        if self.count == 1:
            return [value]
        received: list[Any] = [None] * self.count
        dist.all_gather_object(received, value)
        return received

    def leave(self) -> None:
        """Part, when this process has done its work; after an error others may not answer, and none is asked."""
        if self.count > 1:
            dist.destroy_process_group()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up every parameter's gradient over the processes; one that nobody has stays None."""
        if self.count == 1:
            return
        learning = [parameter for parameter in parameters if parameter.requires_grad]
        device = learning[0].device
        there = torch.tensor([float(parameter.grad is not None) for parameter in learning], device=device)
        dist.all_reduce(there)
        learning = [parameter for parameter, owners in zip(learning, there.tolist(), strict=True) if owners]
        for parameter in learning:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for bucket in _buckets(learning):
            gradients = [parameter.grad for parameter in bucket if parameter.grad is not None]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            for gradient, summed in zip(gradients, flat.split([part.numel() for part in gradients]), strict=True):
                gradient.copy_(summed.view_as(gradient))

    def same_start(self, module: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.count > 1:
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, 0)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says so."""
        if self.count == 1:
            return flag
        flags = torch.tensor(float(flag), device=device)
        dist.all_reduce(flags)
        return bool(flags)

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """What is inside, the first process does before the others begin."""
        if self.rank:
            self.wait()
        yield
        if self.rank == 0:
            self.wait()

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()


def _buckets(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Parameters of one type that fill a bucket together."""
    buckets: list[list[nn.Parameter]] = []
    size, dtype = 0, None
    for parameter in parameters:
        if dtype != parameter.dtype or size + parameter.numel() > BUCKET:
            buckets.append([])
            size, dtype = 0, parameter.dtype
        buckets[-1].append(parameter)
        size += parameter.numel()
    return buckets


def join(device: torch.device) -> tuple[Processes, torch.device]:
    """Join the processes that `torchrun` started; alone without it.

    Args:
        device: where to compute; `cuda` without a number becomes this process's own GPU of its machine.

    Raises:
        UserError: more processes on a machine than it has GPUs.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        return Processes(), device
    if device.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise UserError(
                f"torchrun started more processes on this machine than its {torch.cuda.device_count()} GPU(s); give "
                "--nproc-per-node that number"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    return Processes(dist.get_rank(), dist.get_world_size()), device
