"""From a run to a bundle."""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretraining.bundle.bundle import Bundle, write_bundle
from pretraining.bundle.info import BundledTag, BundleInfo
from pretraining.errors import UserError
from pretraining.image.convolutional import is_alias
from pretraining.image.spec import cumulative_strides
from pretraining.losses.temperature import Temperature
from pretraining.text.bank import TextBank, TextNumbers
from pretraining.text.encoder import TextEncoder
from pretraining.text.tag_embeddings import random_prompt_features
from pretraining.training.build import build_model, build_text_encoder, crops_of
from pretraining.training.checkpoint import BEST, LATEST, read_checkpoint
from pretraining.training.journal import Journal
from pretraining.training.model import PretrainingModel
from pretraining.training.run_folder import RunRecord, read_record, versions

LOG = logging.getLogger(__name__)
PARTS = ("encoder", "pixel_projector", "recognition", "image_projector")


def export_run(run: Path, output: Path, checkpoint: str, license_text: str) -> Bundle:
    """Write the bundle of a run.

    Every tag of the vocabulary gets an embedding; its study count says whether training ever saw it.

    Args:
        run: the run's folder.
        output: the bundle's folder.
        checkpoint: `best` (lowest validation loss) or `latest`.
        license_text: the license of the weights.

    Raises:
        UserError: not a run, or it has no such checkpoint yet.
    """
    record = read_record(run)
    file = run / {"best": BEST, "latest": LATEST}[checkpoint]
    if not file.is_file():
        raise UserError(f"{run} has no {file.name} yet; let `mosmos_pretrain train` finish its first epoch")
    state = read_checkpoint(file)
    encoder = build_text_encoder(record.config.text, run)
    model = build_model(record, encoder.hidden_size)
    model.load_state_dict(_below(state["task"], "model."))
    trained_text = _below(state["task"], "text_encoder.")
    if trained_text:
        encoder.load_state_dict(trained_text)
    tensors = {
        f"{part}.{name}": tensor
        for part in PARTS
        for name, tensor in getattr(model, part).state_dict().items()
        if not is_alias(name)
    }
    tensors["tag_embeddings"] = embed_vocabulary(model.eval(), encoder.eval(), record)
    temperature = Temperature()
    temperature.load_state_dict(_below(state["task"], "objective.temperature."))
    info = _info(run, record, model, encoder, temperature, state["step"], license_text)
    return write_bundle(output, info, tensors)


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


@torch.no_grad()
def embed_vocabulary(model: PretrainingModel, encoder: TextEncoder, record: RunRecord) -> Tensor:
    """`(K, D)`: the embedding of every tag of the vocabulary, centered over those that training saw."""
    ids = record.vocabulary.ids
    if record.config.text.tag_embeddings == "random":
        prompts = random_prompt_features(len(ids), encoder.hidden_size, record.config.optimization.seed)
    else:
        numbers = TextNumbers()
        groups = [numbers.add_all(record.vocabulary[tag].prompts) for tag in ids]
        bank = TextBank(encoder, numbers.texts, frozen=True)
        prompts = torch.stack([bank(torch.tensor(group)).mean(0) for group in groups])
    trained = torch.tensor([tag in record.tag_ids for tag in ids])
    embeddings: Tensor = model.tag_embeddings(prompts, trained)
    return embeddings


def _own_version() -> str:
    try:
        return version("nnunetv2-mosmos")
    except PackageNotFoundError:
        return "source"


def _info(
    run: Path,
    record: RunRecord,
    model: PretrainingModel,
    encoder: TextEncoder,
    temperature: Temperature,
    step: int,
    license_text: str,
) -> BundleInfo:
    entries = [entry for entry in Journal(run).read() if entry["step"] == step]
    metrics: dict[str, Any] = {
        name.removeprefix("val/"): value
        for entry in entries
        for name, value in entry.items()
        if name.startswith("val/")
    }
    text_name = record.config.text.text_encoder
    return BundleInfo(
        encoder=record.spec,
        map_stage=model.map_stage,
        map_stride=cumulative_strides(record.spec)[model.map_stage],
        embedding_dim=record.config.image.embedding_dim,
        image_size=record.config.image.image_size,
        crops=crops_of(record.config.image),
        temperature=float(temperature().detach()),
        attention_temperature=record.config.objective.attention_temperature,
        tags=tuple(
            BundledTag(tag, record.vocabulary[tag].prompts, record.present.get(tag, 0), record.absent.get(tag, 0))
            for tag in record.vocabulary.ids
        ),
        vocabulary=record.vocabulary.to_dict(),
        # A local folder's path is nobody else's business; its weights' hash says which encoder it was.
        text_encoder={
            "id": Path(text_name).name if Path(text_name).exists() else text_name,
            "hash": encoder.state_hash(),
        },
        normalization=record.normalization,
        data=record.data,
        metrics={**metrics, "step": step},
        versions={"nnunetv2-mosmos": _own_version(), **versions()},
        license=license_text,
    )
