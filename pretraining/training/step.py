"""One step of the optimizer over a batch of any size, on one process or many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from pretraining.data.batches import Batch
from pretraining.errors import UserError
from pretraining.processes import Processes
from pretraining.training.config import OptimizationConfig
from pretraining.training.held_images import HeldBatch
from pretraining.training.passes import Pass
from pretraining.training.task import PretrainingTask


def precision_of(config: OptimizationConfig, device: torch.device) -> torch.dtype:
    """The type to compute in."""
    if config.precision == "auto":
        has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[config.precision]


def autocast(config: OptimizationConfig, device: torch.device) -> torch.autocast:
    """Computes in the precision that is asked for, inside."""
    precision = precision_of(config, device)
    enabled = precision != torch.float32
    return torch.autocast(device.type, dtype=precision if enabled else torch.bfloat16, enabled=enabled)


class TrainingStep:
    """Contrasts all studies of a step with each other, however few of them fit into memory at once.

    The step's studies come in micro-batches, a share of them to each process. Each is embedded without keeping
    activations; the losses are taken over the embeddings of all; then each is embedded again to send its gradient on
    (see `Pass`). The gradient is that of the whole batch. A step of one micro-batch a process is embedded once.

    Args:
        task: model and losses.
        optimizer: of the task's parameters.
        config: precision and clipping.
        processes: who trains together.
    """

    def __init__(
        self, task: PretrainingTask, optimizer: Optimizer, config: OptimizationConfig, processes: Processes
    ) -> None:
        self.task = task
        self.optimizer = optimizer
        self.processes = processes
        self.config = config
        self.device = task.device
        scaled = precision_of(config, self.device) == torch.float16
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self._studies: list[str] = []

    def autocast(self) -> torch.autocast:
        """Computes in the step's precision, inside."""
        return autocast(self.config, self.device)

    def __call__(self, parts: Iterable[Batch], count: int) -> dict[str, float]:
        """Take the step.

        Args:
            parts: this process's micro-batches of the step.
            count: how many they are, at least 1.

        Returns:
            The losses by name.

        Raises:
            UserError: the loss or its gradient is not finite; nothing has changed then.
        """
        self.optimizer.zero_grad(set_to_none=True)
        losses = self.accumulate(parts, count)
        self.scaler.unscale_(self.optimizer)
        norm = clip_grad_norm_(self.task.parameters(), self.config.clip_gradient)
        # A scaler leaves such a step out, and lowers its scale.
        if not self.scaler.is_enabled() and not bool(torch.isfinite(norm)):
            raise self._not_finite(f"the gradient is not finite (norm {float(norm)})")
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.task.objective.keep_within_bounds()
        names = list(losses)
        return dict(zip(names, torch.stack([losses[name].detach().float() for name in names]).tolist(), strict=True))

    def accumulate(self, parts: Iterable[Batch], count: int) -> dict[str, Tensor]:
        """Losses and gradients of the whole batch; see `__call__`."""
        keep = count == 1
        tags = Pass(self._embed_tags, keep, self.device)
        passes, held = [], []
        for part in parts:
            waiting = HeldBatch(part, self.device, spill=not keep)
            held.append(waiting)
            passes.append(Pass(partial(self._features, waiting, tags), keep, self.device))
        self._studies = [study for waiting in held for study in waiting.batch.studies]
        losses = self._losses(passes, [waiting.batch for waiting in held])
        self._divide_by_processes()
        for one in passes:
            one.backward()
        if tags.outputs["tags"].grad is not None:
            tags.backward()
        self.processes.sum_gradients(self.task.parameters())
        return losses

    def _embed_tags(self) -> dict[str, Tensor]:
        with self.autocast():
            return {"tags": self.task.embed_tags() if self.task.recognizes else torch.zeros(0)}

    def _features(self, waiting: HeldBatch, tags: Pass) -> dict[str, Tensor]:
        with self.autocast():
            return self.task.features(waiting.read(), tags.outputs["tags"])

    def _losses(self, passes: Sequence[Pass], batches: Sequence[Batch]) -> dict[str, Tensor]:
        features = self._joined([one.outputs for one in passes])
        labels = self._joined([batch.labels() for batch in batches])
        with self.autocast():
            losses: dict[str, Tensor] = self.task.objective(features, labels)
        if not bool(torch.isfinite(losses["loss"])):
            found = ", ".join(f"{name} {float(loss.detach()):.3g}" for name, loss in losses.items())
            raise self._not_finite(f"the loss is not finite ({found})")
        self.scaler.scale(losses["loss"]).backward()
        return losses

    def _not_finite(self, what: str) -> UserError:
        studies = [study for own in self.processes.gather_objects(self._studies) for study in own]
        return UserError(
            f"{what} on the studies {', '.join(studies)}; look at these, lower --learning-rate, or use --precision fp32"
        )

    def _joined(self, parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Over all micro-batches of all processes."""
        joined = {name: torch.cat([part[name] for part in parts]).to(self.device) for name in parts[0]}
        return {name: self.processes.gather(rows) for name, rows in joined.items()}

    def _divide_by_processes(self) -> None:
        """Temperatures and biases of the losses: every process has found their whole gradient, and they are added."""
        for parameter in self.task.objective.parameters():
            if parameter.grad is not None:
                parameter.grad /= self.processes.count
