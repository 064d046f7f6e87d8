from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from pretraining.errors import UserError
from pretraining.text.encoder import TextEncoder
from pretraining.text.feature_cache import FEATURES
from pretraining.text.pretrained import load_text_encoder
from pretraining.training.checkpoint import LATEST, read_checkpoint
from pretraining.training.config import TextConfig
from pretraining.training.export import export_run
from pretraining.training.loop import Trainer
from pretraining.training.pretrain import pretrain


class Interrupted(BaseException):
    pass


@pytest.fixture
def run_twice(prepared, tiny_config, on_cpu, build_transformer, write_folder, tmp_path, monkeypatch, caplog):
    """Trains with a pretrained encoder in one go, and again with an interruption; gives encoder and both runs."""

    def run(**options):
        caplog.set_level("INFO")
        encoder = str(write_folder(build_transformer("Bert"), file="bin"))
        text = TextConfig(text_encoder=encoder, max_tokens=32, **options)
        config = replace(tiny_config, text=text, optimization=replace(tiny_config.optimization, epochs=1))
        pretrain(prepared, tmp_path / "whole", config, on_cpu)
        take = Trainer.train_step

        def die(self, batch):
            if self.progress.step == 3:
                raise Interrupted
            return take(self, batch)

        monkeypatch.setattr(Trainer, "train_step", die)
        with pytest.raises(Interrupted):
            pretrain(prepared, tmp_path / "resumed", config, on_cpu, "new")
        monkeypatch.setattr(Trainer, "train_step", take)
        if config.text.freeze_text:
            monkeypatch.setattr(TextEncoder, "forward", None)
        pretrain(prepared, tmp_path / "resumed", config, on_cpu)
        assert "resuming" in caplog.text
        monkeypatch.undo()
        whole, resumed = (read_checkpoint(tmp_path / name / LATEST)["task"] for name in ("whole", "resumed"))
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())
        return load_text_encoder(encoder, 32), resumed

    return run


def test_a_run_with_a_frozen_encoder_goes_on_without_encoding_a_text_again(run_twice, tmp_path):
    _, state = run_twice(freeze_text=True)
    assert not any(name.startswith("text_encoder.") for name in state)
    # safetensors writes metadata in any order.
    resumed, whole = (load_file(tmp_path / name / FEATURES) for name in ("resumed", "whole"))
    assert torch.equal(resumed["features"], whole["features"])
    assert len(export_run(tmp_path / "resumed", tmp_path / "bundle", "latest", "CC0-1.0").tensors["tag_embeddings"])


def test_a_run_that_trains_the_last_layer_keeps_the_others_and_exports_them_all(run_twice, tmp_path):
    encoder, state = run_twice(train_text_layers=1)
    changed = {
        name for name, tensor in encoder.state_dict().items() if not torch.equal(tensor, state[f"text_encoder.{name}"])
    }
    assert changed
    assert all(".layer.1." in name for name in changed)
    encoder.load_state_dict({name[13:]: tensor for name, tensor in state.items() if name.startswith("text_encoder.")})
    bundle = export_run(tmp_path / "resumed", tmp_path / "bundle", "latest", "CC0-1.0")
    assert bundle.info.text_encoder["hash"] == encoder.state_hash()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--train-text-layers does not go with --text-encoder scratch"),
        ({"text_encoder": "a/b", "freeze_text": True}, "--train-text-layers does not go with --freeze-text"),
        ({"text_encoder": "a/b", "train_text_layers": 0}, "must be at least 1, not 0; to train none, give --freeze"),
    ],
)
def test_layers_to_train_go_with_a_pretrained_encoder_that_learns(options, message):
    with pytest.raises(UserError, match=message):
        TextConfig(**{"train_text_layers": 2, **options})


def test_too_few_tokens_for_a_sentence_are_refused():
    with pytest.raises(UserError, match="--max-tokens must be at least 8, not 0"):
        TextConfig(max_tokens=0)
