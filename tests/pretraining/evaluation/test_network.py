import shutil

import pytest
import torch

from pretraining.errors import UserError
from pretraining.evaluation.network import open_run
from pretraining.text.bank import TextBank
from pretraining.training.checkpoint import BEST, LATEST, read_checkpoint
from pretraining.training.model import PretrainingModel


def test_of_long_reports_the_impression_is_read_as_in_training(finished_run):
    network = open_run(finished_run, "latest", torch.device("cpu"))
    findings = "FINDINGS: " + "The liver is large. The spleen is small. The left kidney is large. " * 30
    impressions = ("The spleen is not visualized.", "The left kidney is small.")
    one, other = network.read([f"{findings}\nIMPRESSION: {impression}" for impression in impressions])
    assert not torch.equal(one, other)


def test_reports_are_read_on_the_device_of_the_network(finished_run, monkeypatch):
    network = open_run(finished_run, "latest", torch.device("meta"))
    # This device computes nothing: what is read is only looked at.
    monkeypatch.setattr(TextBank, "_encode_all", lambda bank: torch.zeros(len(bank.tokens), bank.encoder.hidden_size))
    monkeypatch.setattr(PretrainingModel, "embed_reports", lambda model, features: torch.tensor([features.is_meta]))
    assert network.read(["The liver is large."]).tolist() == [True]


@pytest.mark.parametrize("steps", [None, 0])
def test_a_run_without_a_trained_checkpoint_is_one_sentence(finished_run, tmp_path, steps):
    run = shutil.copytree(finished_run, tmp_path / "run", ignore=shutil.ignore_patterns(BEST))
    if steps is not None:
        torch.save({**read_checkpoint(run / LATEST), "step": steps}, run / BEST)
    with pytest.raises(UserError, match=f"has no trained {BEST} yet; let `mosmos_pretrain train` finish"):
        open_run(run, "best", torch.device("cpu"))
