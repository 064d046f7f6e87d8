"""From a run to a bundle, or to a checkpoint that nnU-Net's development branch reads."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretraining.bundle.bundle import Bundle, write_bundle
from pretraining.bundle.info import BundledTag, BundleInfo
from pretraining.bundle.nnssl import nnssl_checkpoint, refuse_other_encoders
from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
from pretraining.image.convolutional import is_alias
from pretraining.image.spec import cumulative_strides
from pretraining.losses.temperature import Temperature
from pretraining.studies.atomic import atomic_path
from pretraining.text.bank import TextBank, TextNumbers
from pretraining.text.encoder import TextEncoder
from pretraining.text.tag_embeddings import center_and_spread, random_prompt_features
from pretraining.training.build import build_model, build_text_encoder, crops_of
from pretraining.training.checkpoint import BEST, LATEST, read_checkpoint
from pretraining.training.journal import read_metrics
from pretraining.training.model import PretrainingModel
from pretraining.training.run_folder import RunRecord, own_version, read_record, versions

LOG = logging.getLogger(__name__)
CHECKPOINTS = {"best": BEST, "latest": LATEST}
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
    return write_bundle(output, *_contents(run, checkpoint, license_text))


def export_nnssl(run: Path, output: Path, checkpoint: str, license_text: str) -> BundleInfo:
    """Write the encoder of a run as a checkpoint for nnU-Net's development branch; see `pretraining.bundle.nnssl`.

    Args:
        run: the run's folder.
        output: the file; ends in `.pth`.
        checkpoint: `best` or `latest`.
        license_text: the license of the weights.

    Raises:
        UserError: as `export_run`; an encoder that this format cannot carry; a name that is no `.pth`.
    """
    if output.suffix != ".pth" or output.is_dir():
        raise UserError(f"{output} is no file for --format nnssl; give --output a name that ends in .pth")
    # Before all tags are embedded.
    refuse_other_encoders(read_record(run).spec)
    info, tensors = _contents(run, checkpoint, license_text)
    contents = nnssl_checkpoint(info, tensors)
    output.parent.mkdir(parents=True, exist_ok=True)
    with disk_problems_are_users(output.parent), atomic_path(output) as temporary:
        torch.save(contents, temporary)
    return info


def exported_text_encoder(run: Path, state_hash: str) -> TextEncoder:
    """The text encoder of the checkpoint that a bundle was exported from; of the latest where none is the bundle's.

    Args:
        run: the run's folder.
        state_hash: the text encoder's, as the bundle tells it.

    Raises:
        UserError: not a run, or it has no checkpoint.
    """
    record = read_record(run)
    encoder = build_text_encoder(record.config.text, run)
    for name in CHECKPOINTS:
        _load_text(encoder, _state(run, name))
        if encoder.state_hash() == state_hash:
            break
    return encoder


def _state(run: Path, checkpoint: str) -> dict[str, Any]:
    file = run / CHECKPOINTS[checkpoint]
    state: dict[str, Any] = read_checkpoint(file) if file.is_file() else {"step": 0}
    if state["step"] == 0:
        raise UserError(f"{run} has no trained {file.name} yet; let `mosmos_pretrain train` finish its first epoch")
    return state


def _load_text(encoder: TextEncoder, state: dict[str, Any]) -> None:
    # A frozen text encoder is not in the checkpoint.
    if trained := _below(state["task"], "text_encoder."):
        encoder.load_state_dict(trained)


def read_trained(run: Path, checkpoint: str) -> tuple[RunRecord, dict[str, Any], PretrainingModel, TextEncoder]:
    """A run's record, one of its checkpoints, and the model and the text encoder that this holds, to predict with.

    Args:
        run: the run's folder.
        checkpoint: `best` or `latest`.

    Raises:
        UserError: not a run, or it has no such checkpoint yet.
    """
    record = read_record(run)
    state = _state(run, checkpoint)
    encoder = build_text_encoder(record.config.text, run)
    model = build_model(record, encoder.hidden_size)
    model.load_state_dict(_below(state["task"], "model."))
    _load_text(encoder, state)
    return record, state, model.eval(), encoder.eval()


def _contents(run: Path, checkpoint: str, license_text: str) -> tuple[BundleInfo, dict[str, Tensor]]:
    record, state, model, encoder = read_trained(run, checkpoint)
    tensors = {
        f"{part}.{name}": tensor
        for part in PARTS
        for name, tensor in getattr(model, part).state_dict().items()
        if not is_alias(name)
    }
    tensors |= embed_vocabulary(model, encoder, record)
    temperature = Temperature()
    temperature.load_state_dict(_below(state["task"], "objective.temperature."))
    return _info(run, record, model, encoder, temperature, state["step"], license_text), tensors


def _below(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: tensor for name, tensor in state.items() if name.startswith(prefix)}


@torch.no_grad()
def embed_vocabulary(model: PretrainingModel, encoder: TextEncoder, record: RunRecord) -> dict[str, Tensor]:
    """The embedding of every tag, and what embeds any other text alike.

    Returns:
        `tag_embeddings` `(K, D)`, centered over the tags that training saw; where they come from texts, also
        `tag_projection.weight` `(D, H)` and `tag_projection.bias` `(D,)`.
    """
    ids = record.vocabulary.ids
    trained = torch.tensor([tag in record.tag_ids for tag in ids])
    if record.config.text.tag_embeddings == "random":
        prompts = random_prompt_features(len(ids), encoder.hidden_size, record.config.optimization.seed)
        return {"tag_embeddings": model.tag_embeddings(prompts, trained)}
    numbers = TextNumbers()
    groups = [numbers.add_all(record.vocabulary[tag].prompts) for tag in ids]
    bank = TextBank(encoder, numbers.texts, frozen=True)
    prompts = torch.stack([bank(torch.tensor(group)).mean(0) for group in groups])
    # Centering and scaling are one affine map with the projection that follows them.
    projection = model.tag_embeddings.projection
    center, spread = center_and_spread(prompts[trained])
    return {
        "tag_embeddings": model.tag_embeddings(prompts, trained),
        "tag_projection.weight": projection.weight / spread,
        "tag_projection.bias": projection.bias - projection.weight @ center / spread,
    }


def _info(
    run: Path,
    record: RunRecord,
    model: PretrainingModel,
    encoder: TextEncoder,
    temperature: Temperature,
    step: int,
    license_text: str,
) -> BundleInfo:
    entries = [entry for entry in read_metrics(run) if entry["step"] == step]
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
        versions={"nnunetv2-mosmos": own_version(), **versions()},
        license=license_text,
    )
