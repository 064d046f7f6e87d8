"""A bundle: the folder that carries a pretrained encoder to any segmentation network."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pretraining.bundle.info import BundleInfo
from pretraining.bundle.model_card import model_card
from pretraining.bundle.parts import misfit
from pretraining.errors import UserError

if TYPE_CHECKING:
    from pretraining.tags.vocabulary import Vocabulary

INFO_FILE = "bundle.json"
WEIGHTS_FILE = "weights.safetensors"
CARD_FILE = "README.md"
# Bytes of a file that are read at once.
PIECE = 2**20


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory.

    Attributes:
        path: its folder.
        info: the contents of `bundle.json`.
        tensors: `encoder.*`, `pixel_projector.*`, `tag_embeddings (K, D)`, `recognition.*`, `image_projector.*`; where
            tags are embedded by their texts, `tag_projection.*`: from the text encoder's mean of a tag's prompts to its
            embedding, before normalization.
    """

    path: Path
    info: BundleInfo
    tensors: dict[str, Tensor]

    @property
    def tag_ids(self) -> tuple[str, ...]:
        """Tags in the order of `tag_embeddings`."""
        return tuple(tag.id for tag in self.info.tags)

    @property
    def tag_embeddings(self) -> Tensor:
        """`(K, D)`, unit vectors."""
        return self.tensors["tag_embeddings"]

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary that the reports were read with."""
        from pretraining.tags.vocabulary import Vocabulary

        return Vocabulary.from_dict(self.info.vocabulary)

    def state_of(self, part: str) -> dict[str, Tensor]:
        """State dictionary of `encoder`, `pixel_projector`, `recognition` or `image_projector`."""
        prefix = f"{part}."
        return {key[len(prefix) :]: tensor for key, tensor in self.tensors.items() if key.startswith(prefix)}

    def encoder_state(self) -> dict[str, Tensor]:
        """State dictionary of the encoder, under the names that nnU-Net gives below `encoder.`."""
        return self.state_of("encoder")

    def projector_state(self) -> dict[str, Tensor]:
        """State dictionary of the pixel projector."""
        return self.state_of("pixel_projector")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def read_info(path: Path) -> BundleInfo:
    """Read `bundle.json` alone.

    Raises:
        UserError: the folder does not exist or is not a bundle.
    """
    file = path / INFO_FILE
    if not file.is_file():
        what = "does not exist" if not path.exists() else f"has no {INFO_FILE}"
        raise UserError(f"the bundle {path} {what}; give the folder that `mosmos_pretrain export --output` wrote")
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file} is not valid JSON ({error}); export the run again") from error
    if not isinstance(values, dict):
        raise UserError(f"{file} does not describe a MOSMOS bundle; give a folder that `mosmos_pretrain export` wrote")
    return BundleInfo.from_dict(values, str(file))


def read_bundle(path: Path) -> Bundle:
    """Read a bundle and check it: version, hash, shapes. Nothing is unpickled.

    Args:
        path: the bundle's folder.

    Raises:
        UserError: not a bundle, from a newer version, damaged weights, or tensors that are not those described.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    info = read_info(path)
    file = path / WEIGHTS_FILE
    if not file.is_file():
        raise UserError(f"the bundle {path} has no {WEIGHTS_FILE}; copy the whole folder, or export the run again")
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is truncated or damaged ({error}); copy it again, or export the run again") from error
    if file_sha256(file) != info.weights_sha256:
        raise UserError(
            f"{file} is not the file that {INFO_FILE} was written with (its hash differs); "
            "copy the whole folder again, or export the run again"
        )
    if wrong := misfit(info, tensors):
        raise UserError(f"{file} is not what {INFO_FILE} describes: {wrong}; export the run again")
    return Bundle(path, info, tensors)


def write_bundle(path: Path, info: BundleInfo, tensors: Mapping[str, Tensor]) -> Bundle:
    """Write a bundle whole or not at all.

    Args:
        path: the folder to write; an existing bundle there is replaced.
        info: everything but the weights' hash, which is filled in here.
        tensors: see `Bundle.tensors`.

    Raises:
        UserError: `path` exists and is something other than a bundle.
    """
    from safetensors.torch import save_file

    if path.exists() and not (path / INFO_FILE).is_file() and (path.is_file() or any(path.iterdir())):
        raise UserError(f"{path} exists and is not a bundle; give another --output, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        # A tensor that shares storage with another cannot be written; `clone` also drops views' hidden neighbors.
        plain = {name: tensor.detach().cpu().to(torch.float32).clone() for name, tensor in tensors.items()}
        save_file(plain, unfinished / WEIGHTS_FILE)
        info = replace(info, weights_sha256=file_sha256(unfinished / WEIGHTS_FILE))
        (unfinished / INFO_FILE).write_text(json.dumps(info.to_dict(), indent=2, ensure_ascii=False), encoding="utf-8")
        (unfinished / CARD_FILE).write_text(model_card(info), encoding="utf-8")
        # `mkdtemp` and safetensors keep others from reading; a bundle is made to be shared.
        unfinished.chmod(0o755)
        (unfinished / WEIGHTS_FILE).chmod(0o644)
        if path.exists():
            shutil.rmtree(path)
        os.replace(unfinished, path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Bundle(path, info, plain)
