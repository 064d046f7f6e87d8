from dataclasses import replace

import torch
from torch import nn

from pretraining.cli.main import main
from pretraining.data.batches import in_order, loader
from pretraining.data.corpus import read_corpus
from pretraining.processes import Processes
from pretraining.studies.manifest import read_manifest
from pretraining.training.batch_picture import caption, draw_batch
from pretraining.training.dry_run import dry_run, saved_bytes
from pretraining.training.pretrain import describe, study_images
from pretraining.training.run_folder import read_record


def test_saved_bytes_are_those_of_the_tensors_that_backward_needs():
    network = nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 1, bias=False))
    images = torch.randn(5, 4)
    # The first product keeps its input, the activation its output, which is the second product's input; `sum` nothing.
    assert saved_bytes(lambda: network(images).sum(), network) == 4 * (5 * 4 + 5 * 8)
    assert network[0].weight.grad is not None


def test_it_tells_what_the_run_will_be_and_leaves_none_behind(prepared, tiny_config, on_cpu, finished_run, tmp_path):
    told = dry_run(prepared, tmp_path / "run_dry_run", tiny_config, on_cpu)
    run = torch.load(finished_run / "checkpoint_latest.pt", weights_only=True)
    moments = [entry[name] for entry in run["optimizer"]["state"].values() for name in ("exp_avg", "exp_avg_sq")]
    # Every parameter has two moments, and besides them itself and its gradient.
    assert sum(told.parameters.values()) == sum(tensor.numel() for tensor in moments) / 2
    assert told.state_bytes == 2 * sum(tensor.nbytes for tensor in moments)
    assert (told.steps_per_epoch, told.epochs, told.images) == (4, 2, (32, 8))
    assert told.tags == {tag: count for tag, count in read_record(finished_run).present.items() if tag in told.tags}
    # At the very least the batch itself is kept.
    assert told.activation_bytes > 8 * 32 * 32 * 4
    assert [entry.name for entry in tmp_path.rglob("*")] == ["run_dry_run", "first_batch.png"]
    assert told.picture.read_bytes().startswith(b"\x89PNG")
    assert "4 an epoch, 8 in all" in str(told)


def test_it_tells_the_memory_of_the_run_that_is_asked_for(prepared, tiny_config, on_cpu, tmp_path):
    second = replace(on_cpu, processes=Processes(1, 2))
    plain = dry_run(prepared, tmp_path / "run_dry_run", tiny_config, second)
    saving = dry_run(prepared, tmp_path / "run_dry_run", tiny_config, replace(second, checkpoint_activations=True))
    assert (plain.at_once, plain.steps_per_epoch) == (4, 4)
    assert saving.activation_bytes < plain.activation_bytes
    # The first process draws the picture.
    assert not list(tmp_path.iterdir())


def test_the_command_prints_it(prepared, tmp_path, capsys):
    size = "--image-size 32 32 --stages 3 --scratch-hidden-size 32 --scratch-layers 1 --device cpu"
    words = ["train", "--data", str(prepared), "--output", str(tmp_path / "run"), "--dry-run", *size.split()]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "image encoder parameters" in shown
    assert str(tmp_path / "run_dry_run" / "first_batch.png") in shown
    assert not (tmp_path / "run").exists()


def test_the_picture_says_of_each_image_what_its_report_says(prepared, tiny_config, tmp_path):
    corpus = read_corpus(prepared)
    images = study_images(prepared, corpus, describe(corpus, tiny_config), "train")
    batch = next(iter(loader(images, in_order(32, 20), 0)))
    study = read_manifest(prepared)[7]
    words = " ".join(caption(batch, 7, corpus).split())
    assert words.startswith(f"{study.id} {study.report[:20]}")
    present = words.split("present: ")[1].split(", ")
    assert set(present) == ({tag for tag, found in study.tags.items() if found == "present"} or {"none"})
    draw_batch(batch, corpus, tmp_path / "batch.png", 2)
    assert (tmp_path / "batch.png").stat().st_size > 0
