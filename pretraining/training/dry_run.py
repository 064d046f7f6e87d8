"""What a run would be, without starting it: sizes, memory, steps, and its first batch as a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn

from pretraining.data.batches import loader
from pretraining.data.corpus import read_corpus
from pretraining.data.order import StudyOrder
from pretraining.disk import MIB, disk_problems_are_users
from pretraining.text.scratch import train_tokenizer
from pretraining.training.activation_checkpointing import checkpoint_activations
from pretraining.training.batch_picture import draw_batch
from pretraining.training.config import TrainConfig
from pretraining.training.loop import Runtime
from pretraining.training.out_of_memory import memory_problems_are_users
from pretraining.training.pretrain import build_task, describe, study_images
from pretraining.training.run_folder import TOKENIZER
from pretraining.training.step import autocast

PICTURE = "first_batch.png"
# A trained parameter is there four times: its value, its gradient and the two moments of AdamW.
COPIES = 4


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a run would be.

    Attributes:
        parameters: of the image encoder, the text encoder and the heads.
        state_bytes: parameters, gradients and optimizer state.
        activation_bytes: what the forward pass keeps for the backward pass.
        at_once: studies that a process embeds at once.
        steps_per_epoch: steps an epoch.
        epochs: epochs.
        images: training and validation images.
        tags: tags that training uses, most frequent first, with the number of studies each is present in.
        picture: the first batch.
    """

    parameters: dict[str, int]
    state_bytes: int
    activation_bytes: int
    at_once: int
    steps_per_epoch: int
    epochs: int
    images: tuple[int, int]
    tags: dict[str, int]
    picture: Path

    def __str__(self) -> str:
        state, activations = self.state_bytes / MIB, self.activation_bytes / MIB
        tags = ", ".join(f"{tag} ({count})" for tag, count in self.tags.items())
        return "\n".join(
            [
                *(f"{part + ' parameters':<26}{count:,}" for part, count in self.parameters.items()),
                f"{'memory':<26}about {state + activations:,.0f} MiB: {state:,.0f} for weights, gradients and AdamW, "
                f"{activations:,.0f} kept by one forward pass over {self.at_once} studies; buffers come on top",
                f"{'training images':<26}{self.images[0]:,}",
                f"{'validation images':<26}{self.images[1]:,}",
                f"{'steps':<26}{self.steps_per_epoch:,} an epoch, {self.steps_per_epoch * self.epochs:,} in all",
                f"{'tags':<26}{len(self.tags)}: {tags}",
                f"{'first batch':<26}{self.picture} (contains report text)",
            ]
        )


def dry_run(data: Path, folder: Path, config: TrainConfig, runtime: Runtime) -> DryRun:
    """Take one batch through the network, forward and backward, without starting a run.

    Args:
        data: what `prepare` wrote.
        folder: where the first process puts the picture; not a run's folder.
        config: the options of the run.
        runtime: where to compute, how many studies at once, and what to keep.

    Raises:
        UserError: as `pretrain` would.
    """
    corpus = read_corpus(data)
    record = describe(corpus, config)
    training = study_images(data, corpus, record, "train")
    config = record.config
    options = config.optimization
    order = StudyOrder(
        len(training),
        options.batch_size,
        options.seed,
        micro_batch_size=runtime.micro_batch_size,
        processes=runtime.processes,
    )
    with TemporaryDirectory() as scratch, memory_problems_are_users(folder, config):
        if config.text.text_encoder == "scratch":
            train_tokenizer(corpus.texts, Path(scratch) / TOKENIZER)
        task = build_task(Path(scratch), corpus, record, runtime.device).train()
        if runtime.checkpoint_activations:
            checkpoint_activations(task)
        batch = next(loader(training, order, workers=0))
        with autocast(options, runtime.device):
            on_device = batch.to(runtime.device)
            activations = saved_bytes(lambda: task(on_device).losses["loss"], task)
    if runtime.processes.rank == 0:
        with disk_problems_are_users(folder):
            folder.mkdir(parents=True, exist_ok=True)
            draw_batch(batch, corpus, folder / PICTURE, record.spec.dim)
    return DryRun(
        parameters=_parameters(task.model.encoder, task.bank.encoder, task),
        state_bytes=sum(weight.nbytes * (COPIES if weight.requires_grad else 1) for weight in task.parameters()),
        activation_bytes=activations,
        at_once=len(batch.studies),
        steps_per_epoch=order.steps_per_epoch,
        epochs=options.epochs,
        images=(len(training), len(corpus.of("val"))),
        tags=dict(sorted(((tag, corpus.present[tag]) for tag in corpus.tag_ids), key=lambda entry: -entry[1])),
        picture=folder / PICTURE,
    )


def _parameters(image_encoder: nn.Module, text_encoder: nn.Module, task: nn.Module) -> dict[str, int]:
    encoders = {"image encoder": set(image_encoder.parameters()), "text encoder": set(text_encoder.parameters())}
    parts = encoders | {"head": set(task.parameters()).difference(*encoders.values())}
    return {name: sum(weight.numel() for weight in weights) for name, weights in parts.items()}


def saved_bytes(loss: Callable[[], Tensor], module: nn.Module) -> int:
    """Bytes that a forward pass keeps for its backward pass, which is run too.

    Args:
        loss: computes a scalar.
        module: its parameters and buffers are there anyway and not counted.
    """
    anyway: Iterable[Tensor] = (*module.parameters(), *module.buffers())
    known = {tensor.untyped_storage().data_ptr() for tensor in anyway}
    saved: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = loss()
    value.backward()
    return sum(saved.values())
