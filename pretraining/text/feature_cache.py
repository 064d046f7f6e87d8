"""Features of a frozen text encoder in a file, so that a resumed run does not encode its texts again."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pretraining.disk import disk_problems_are_users
from pretraining.studies.atomic import atomic_path
from pretraining.text.encoder import Tokens

LOG = logging.getLogger(__name__)
FEATURES = "text_features.safetensors"


def features_key(encoder_hash: str, tokens: Sequence[Tokens]) -> str:
    """SHA-256 of all that decides the features.

    Args:
        encoder_hash: of the encoder's weights.
        tokens: the token numbers of each text.
    """
    digest = hashlib.sha256(encoder_hash.encode())
    for entry in tokens:
        digest.update(len(entry).to_bytes(4, "little"))
        digest.update(entry.tobytes())
    return digest.hexdigest()


def _hash(features: Tensor) -> str:
    return hashlib.sha256(features.numpy().data).hexdigest()


def read_features(path: Path, key: str) -> Tensor | None:
    """The stored features; None, aloud, where there are none, they are damaged, or they have another key.

    Args:
        path: the file.
        key: from `features_key`.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            stored, features = file.metadata() or {}, file.get_tensor("features")
    except (SafetensorError, OSError) as error:
        LOG.warning("%s is damaged (%s): the texts are encoded again", path, error)
        return None
    if stored.get("key") != key:
        LOG.warning("%s is of another text encoder or of other texts: the texts are encoded again", path)
        return None
    if stored.get("sha256") != _hash(features):
        LOG.warning("%s is damaged (its hash differs): the texts are encoded again", path)
        return None
    return features


def write_features(path: Path, key: str, features: Tensor) -> None:
    """Store features, atomically.

    Args:
        path: the file.
        key: from `features_key`.
        features: `(N, H)`, on the CPU.

    Raises:
        UserError: the disk is full or the folder read-only.
    """
    with disk_problems_are_users(path.parent, needed=features.nbytes), atomic_path(path) as temporary:
        save_file({"features": features}, temporary, metadata={"key": key, "sha256": _hash(features)})
