import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pretraining.bundle.bundle import INFO_FILE, WEIGHTS_FILE, read_bundle, write_bundle
from pretraining.bundle.model_card import model_card
from pretraining.bundle.network import BundleNetwork
from pretraining.data.batches import StudyImages, collate
from pretraining.data.corpus import read_corpus
from pretraining.errors import UserError
from pretraining.training.checkpoint import LATEST, read_checkpoint
from pretraining.training.pretrain import build_task
from pretraining.training.run_folder import read_record


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle.path, tmp_path / "copy")


def test_reading_gives_what_was_written(bundle):
    again = read_bundle(bundle.path)
    assert again.info == bundle.info
    assert all(torch.equal(tensor, again.tensors[name]) for name, tensor in bundle.tensors.items())
    assert again.tag_embeddings.norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
    assert again.vocabulary.ids == again.tag_ids


def test_the_bundle_sees_what_the_trained_model_sees(bundle, finished_run, prepared):
    corpus, record = read_corpus(prepared), read_record(finished_run)
    task = build_task(finished_run, corpus, record).eval()
    task.load_state_dict(read_checkpoint(finished_run / LATEST)["task"])
    batch = collate([StudyImages(corpus.of("val"), (32, 32), 1, record.normalization, None)[0, i] for i in range(4)])
    with torch.no_grad():
        expected = task.model.recognition(task.model.embed_images(batch.images).pixels, task.embed_tags())
    found = BundleNetwork(bundle, corpus.tag_ids)(batch.images)
    assert torch.allclose(found.maps, expected.maps, atol=1e-5)
    assert torch.allclose(found.logits, expected.logits, atol=1e-4)


def test_counts_tell_trained_tags_from_the_others(bundle, prepared):
    corpus = read_corpus(prepared)
    assert {tag.id: tag.studies for tag in bundle.info.tags if tag.studies} == corpus.present
    assert "| liver |" in (bundle.path / "README.md").read_text()


@pytest.mark.parametrize(
    ("kind", "trainer"), [("plainconv", "nnUNetTrainerMOSMOS"), ("vit", "nnUNetTrainerMOSMOS_UNETR")]
)
def test_the_card_names_the_trainer_that_takes_the_encoder(bundle, kind, trainer):
    info = replace(bundle.info, encoder=replace(bundle.info.encoder, kind=kind))
    assert f"-tr {trainer}\n" in model_card(info)


def test_no_patient_report_tokenizer_or_path_enters_a_bundle(bundle, finished_run, prepared):
    text = "".join(file.read_bytes().decode("latin-1") for file in bundle.path.iterdir())
    for secret in ("CANARY", "Unremarkable study", "not visualized.", str(prepared), str(finished_run)):
        assert secret not in text
    assert sorted(file.name for file in bundle.path.iterdir()) == ["README.md", "bundle.json", "weights.safetensors"]


def test_truncated_weights_are_one_sentence(copy):
    content = (copy / WEIGHTS_FILE).read_bytes()
    (copy / WEIGHTS_FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"is truncated or damaged .* copy it again"):
        read_bundle(copy)


def test_altered_weights_are_noticed(copy):
    content = bytearray((copy / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (copy / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(UserError, match="its hash differs"):
        read_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "does not describe a MOSMOS bundle"),
        ({"format_version": 99}, "has bundle format 99, this version reads 1"),
        ({"encoder": None}, "lacks or garbles the field"),
        ({"tags": []}, r"tag_embeddings has shape \(\d+, 16\) where \(0, 16\) is described"),
        ({"embedding_dim": 8}, r"has shape \(.*\) where \(.*\) is described"),
    ],
)
def test_a_foreign_or_newer_description_is_one_sentence(copy, changes, message):
    info = json.loads((copy / INFO_FILE).read_text())
    (copy / INFO_FILE).write_text(json.dumps(info | changes))
    with pytest.raises(UserError, match=message):
        read_bundle(copy)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop("encoder.stages.1.0.convs.0.conv.bias"), r"it lacks encoder\.stages\.1"),
        (lambda tensors: tensors.update({"recognition.bias": torch.zeros(2)}), r"has shape \(2,\) where \(1,\)"),
        (lambda tensors: tensors.update({"pixel_projector.more": torch.zeros(1)}), "nothing is described for pixel_"),
        (lambda tensors: tensors.pop("tag_embeddings"), "it lacks tag_embeddings"),
    ],
)
def test_tensors_that_are_not_those_described_are_named(bundle, tmp_path, change, message):
    tensors = dict(bundle.tensors)
    change(tensors)
    # Written like any bundle: the hash is right.
    write_bundle(tmp_path / "other", bundle.info, tensors)
    with pytest.raises(UserError, match=f"is not what bundle.json describes: .*{message}"):
        read_bundle(tmp_path / "other")


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(copy, tmp_path):
    (copy / WEIGHTS_FILE).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(UserError, match="is truncated or damaged"):
        read_bundle(copy)
    assert not (tmp_path / "sprung").exists()


def test_a_folder_that_is_no_bundle_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"has no bundle\.json; give the folder"):
        read_bundle(tmp_path)
    with pytest.raises(UserError, match="does not exist; give the folder"):
        read_bundle(tmp_path / "nowhere")


def test_export_replaces_a_bundle_but_nothing_else(bundle, copy, tmp_path):
    write_bundle(copy, bundle.info, bundle.tensors)
    assert read_bundle(copy).info == bundle.info
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("precious")
    with pytest.raises(UserError, match="exists and is not a bundle"):
        write_bundle(tmp_path / "other", bundle.info, bundle.tensors)
    assert (tmp_path / "other" / "file").read_text() == "precious"


def test_an_unknown_tag_is_named(bundle):
    with pytest.raises(UserError, match="has no tag flux_capacitor"):
        BundleNetwork(bundle, ["liver", "flux_capacitor"])
