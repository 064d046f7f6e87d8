import resource

import numpy as np
import pytest
import torch

from pretraining.errors import UserError
from pretraining.text import feature_cache
from pretraining.text.feature_cache import features_key, read_features, write_features


def test_features_come_back_bit_for_bit(tmp_path):
    features = torch.randn(5, 3)
    write_features(tmp_path / "features.safetensors", "key", features)
    assert torch.equal(read_features(tmp_path / "features.safetensors", "key"), features)
    assert [entry.name for entry in tmp_path.iterdir()] == ["features.safetensors"]


def test_none_are_none(tmp_path):
    assert read_features(tmp_path / "features.safetensors", "key") is None


def test_features_of_another_encoder_or_corpus_are_refused_aloud(tmp_path, caplog):
    write_features(tmp_path / "features.safetensors", "key", torch.randn(5, 3))
    assert read_features(tmp_path / "features.safetensors", "other") is None
    assert "is of another text encoder or of other texts" in caplog.text


@pytest.mark.parametrize("damage", [lambda content: content[:-7], lambda content: content[:-7] + b"damaged", len])
def test_a_damaged_file_is_refused_aloud(tmp_path, caplog, damage):
    file = tmp_path / "features.safetensors"
    write_features(file, "key", torch.randn(50, 3))
    damaged = damage(file.read_bytes())
    file.write_bytes(damaged if isinstance(damaged, bytes) else b"no safetensors at all")
    assert read_features(file, "key") is None
    assert "is damaged" in caplog.text


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "features.safetensors"
    old = torch.randn(5, 3)
    write_features(file, "old", old)

    def die(tensors, path, metadata):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(feature_cache, "save_file", die)
    with pytest.raises(KeyboardInterrupt):
        write_features(file, "new", torch.randn(5, 3))
    assert torch.equal(read_features(file, "old"), old)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_one_sentence(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot be written to \(.*File too large.*; 1\.0 MiB are needed") as full:
            write_features(tmp_path / "features.safetensors", "key", torch.zeros(1024, 256))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(tmp_path) in str(full.value)
    assert not list(tmp_path.iterdir())


def test_the_key_is_of_the_encoder_and_of_where_every_text_begins_and_ends():
    def key(encoder, *texts):
        return features_key(encoder, [np.asarray(text, dtype=np.int32) for text in texts])

    assert key("a", [1, 2], [3]) == key("a", [1, 2], [3])
    keys = {
        key("a", [1, 2], [3]),
        key("b", [1, 2], [3]),
        key("a", [1], [2, 3]),
        key("a", [3], [1, 2]),
        key("a", [1, 2]),
    }
    assert len(keys) == 5
