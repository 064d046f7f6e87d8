"""One face for what can be evaluated: a run, which reads images and reports, and a bundle, which reads images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretraining.bundle.bundle import file_sha256, read_bundle
from pretraining.bundle.network import BundleNetwork
from pretraining.heads.recognition import Recognition
from pretraining.image.fit import View
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec
from pretraining.tags.vocabulary import Vocabulary
from pretraining.text.bank import TextBank
from pretraining.training.build import view_of
from pretraining.training.export import CHECKPOINTS, embed_vocabulary, read_trained


@dataclass(frozen=True)
class Network:
    """What is evaluated.

    Attributes:
        origin: kind, step, hashes: what the JSON says of it.
        spec: the image encoder.
        view: how images enter it.
        normalization: how intensities become input.
        vocabulary: that of its reports.
        tag_ids: K tags that training saw.
        look: from images `(B, C, *S)` to the recognition head's findings and, for a run, image embeddings
            `(B, D)`.
        read: from reports to report embeddings `(N, D)`; None for a bundle.
    """

    origin: dict[str, Any]
    spec: EncoderSpec
    view: View
    normalization: Normalization
    vocabulary: Vocabulary
    tag_ids: tuple[str, ...]
    look: Callable[[Tensor], tuple[Recognition, Tensor | None]]
    read: Callable[[list[str]], Tensor] | None

    def describe(self) -> dict[str, Any]:
        """Plain types: what was evaluated."""
        return {
            **self.origin,
            "vocabulary_hash": self.vocabulary.hash,
            "encoder": self.spec.kind,
            "dim": self.spec.dim,
            "image_size": list(self.view.size),
            "tags": len(self.tag_ids),
        }


def open_run(run: Path, checkpoint: str, device: torch.device) -> Network:
    """The network of a run, with the tag embeddings that `export` would give it.

    Args:
        run: the run's folder.
        checkpoint: `best` or `latest`.
        device: where to compute.

    Raises:
        UserError: not a run, or it has no such checkpoint yet.
    """
    record, state, model, encoder = read_trained(run, checkpoint)
    rows = [record.vocabulary.ids.index(tag) for tag in record.tag_ids]
    tags = embed_vocabulary(model, encoder, record)["tag_embeddings"][rows].to(device)
    model.to(device)

    @torch.inference_mode()
    def look(images: Tensor) -> tuple[Recognition, Tensor]:
        embedded = model.embed_images(images.to(device))
        return model.recognition(embedded.pixels, tags), embedded.image

    @torch.inference_mode()
    def read(reports: list[str]) -> Tensor:
        bank = TextBank(encoder, reports, frozen=True, reports=range(len(reports)), device=device)
        return model.embed_reports(bank(torch.arange(len(reports)))).cpu()

    origin = {
        "kind": "run",
        "checkpoint": checkpoint,
        "step": state["step"],
        "weights_sha256": file_sha256(run / CHECKPOINTS[checkpoint]),
        "text_encoder_hash": encoder.state_hash(),
    }
    return Network(
        origin,
        record.spec,
        view_of(record),
        record.normalization,
        record.vocabulary,
        record.tag_ids,
        look,
        read,
    )


def open_bundle(folder: Path, device: torch.device) -> Network:
    """The network of a bundle; it carries no text encoder.

    Args:
        folder: what `export` wrote.
        device: where to compute.

    Raises:
        UserError: not a bundle, or a damaged one.
    """
    bundle = read_bundle(folder)
    info = bundle.info
    tag_ids = tuple(tag.id for tag in info.tags if tag.studies)
    network = BundleNetwork(bundle, tag_ids).to(device)
    origin = {
        "kind": "bundle",
        "checkpoint": None,
        "step": info.metrics.get("step"),
        "weights_sha256": info.weights_sha256,
        "text_encoder_hash": info.text_encoder["hash"],
    }
    return Network(
        origin,
        info.encoder,
        info.view,
        info.normalization,
        bundle.vocabulary,
        tag_ids,
        lambda images: (network(images.to(device)), None),
        None,
    )
