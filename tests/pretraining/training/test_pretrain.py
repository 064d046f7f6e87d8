import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from pretraining.bundle.bundle import read_bundle
from pretraining.data.corpus import read_corpus
from pretraining.errors import UserError
from pretraining.evaluation.network import open_bundle, open_run
from pretraining.evaluation.observations import Observer
from pretraining.evaluation.position_prior import PositionPrior
from pretraining.image.fit import Crops
from pretraining.maps.mapper import AttentionMapper
from pretraining.studies.manifest import read_manifest, write_manifest
from pretraining.training.checkpoint import LATEST, read_checkpoint
from pretraining.training.config import ImageConfig, OptimizationConfig
from pretraining.training.export import export_run
from pretraining.training.pretrain import describe, pretrain, study_images
from pretraining.training.run_folder import read_record

ENCODER = {
    "n_stages": 2,
    "features_per_stage": [4, 8],
    "conv_op": "torch.nn.modules.conv.Conv2d",
    "kernel_sizes": [[3, 3], [3, 3]],
    "strides": [[1, 1], [2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
}


@pytest.fixture
def plans(tmp_path):
    def write(**changes):
        network = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
        planned = {"network_class_name": network, "arch_kwargs": {**ENCODER, **changes}}
        configuration = {"patch_size": [16, 16], "spacing": [1.0, 1.0], "architecture": planned}
        plans = {"transpose_forward": [1, 0, 2], "configurations": {"2d": configuration}}
        (tmp_path / "nnUNetPlans.json").write_text(json.dumps(plans))
        return ImageConfig(plans=str(tmp_path / "nnUNetPlans.json"), configuration="2d", crops=2, embedding_dim=16)

    return write


@pytest.fixture
def spaced(prepared, tmp_path):
    """The tiny prepared folder, its pixels 1 mm wide."""
    folder = shutil.copytree(prepared, tmp_path / "prepared")
    write_manifest(folder, [replace(study, spacings=((1.0, 1.0),)) for study in read_manifest(folder)])
    return folder


def test_a_run_on_plans_takes_their_encoder_patch_and_spacing_into_its_bundle(
    spaced, plans, tiny_config, on_cpu, tmp_path, caplog
):
    run = tmp_path / "run"
    config = replace(tiny_config, image=plans(), optimization=OptimizationConfig(epochs=1, batch_size=16))
    pretrain(spaced, run, config, on_cpu)
    assert "orders the axes of its dataset as 1 0 2; studies stay (z, y, x)" in caplog.text
    assert "maps live on its deepest stage, not at --map-stride 8" in caplog.text
    assert read_checkpoint(run / LATEST)["step"] == 2
    image = read_record(run).config.image
    assert (image.image_size, image.crop_spacing) == ((16, 16), (1.0, 1.0))
    info = export_run(run, tmp_path / "bundle", "latest", "CC0-1.0").info
    kept = set(ENCODER) - {"conv_op", "n_conv_per_stage_decoder"}
    assert info.encoder.arguments == {name: ENCODER[name] for name in kept}
    assert info.image_size == (16, 16)
    assert info.crops == Crops(2, (1.0, 1.0))
    # Maps see an image as large as the network saw its crops.
    bundle = read_bundle(tmp_path / "bundle")
    found = AttentionMapper(bundle, ["liver"], on_cpu.device)(np.ones((1, 21, 10)), spacing=(2.0, 1.0))
    assert found.maps.shape == (1, 21, 10)
    assert bundle.info.view.fit((21, 10), (2.0, 1.0)).scaled == (42, 10)
    with pytest.raises(UserError, match="an image has no spacing, but pretraining saw crops"):
        bundle.info.view.fit((21, 10), None)
    assert str(tmp_path) not in (tmp_path / "bundle" / "bundle.json").read_text()
    # Evaluation does likewise.
    studies = [study for study in read_manifest(spaced) if study.split == "val"]
    for network in (open_run(run, "latest", on_cpu.device), open_bundle(tmp_path / "bundle", on_cpu.device)):
        assert network.view.cuts
        observations = Observer(network, spaced, studies, None, PositionPrior([])).observe(batch_size=4, workers=0)
        assert np.isfinite(observations.logits).all()
    # The same command again finds the run finished; other plans are another run.
    pretrain(spaced, run, config, on_cpu)
    with pytest.raises(UserError, match=r"was started with other settings .*plans sha256"):
        pretrain(spaced, run, replace(config, image=plans(features_per_stage=[4, 6])), on_cpu)


@pytest.mark.parametrize("augment", [True, False])
def test_crops_are_drawn_anew_every_epoch_of_training_alone(spaced, plans, tiny_config, augment):
    optimization = replace(tiny_config.optimization, augment=augment)
    corpus = read_corpus(spaced)
    record = describe(corpus, replace(tiny_config, image=plans(), optimization=optimization))
    for split, drawn in (("train", True), ("val", False)):
        images = study_images(spaced, corpus, record, split)
        assert torch.equal(images[0, 0][0], images[1, 0][0]) != drawn
        assert (images.augmentation is not None) == (augment and drawn)


def test_an_input_that_the_planned_encoder_cannot_halve_is_refused_before_any_work(
    spaced, plans, tiny_config, on_cpu, tmp_path
):
    for size, message in (((16, 15), "does not fit --configuration 2d"), ((16, 16, 16), "give 2 positive numbers")):
        config = replace(tiny_config, image=replace(plans(), image_size=size))
        with pytest.raises(UserError, match=message):
            pretrain(spaced, tmp_path / "run", config, on_cpu)
    assert not (tmp_path / "run").exists()


def test_studies_of_another_dimension_are_refused_before_a_run_is_begun(prepared, tiny_config, on_cpu, tmp_path):
    data = tmp_path / "prepared"
    shutil.copytree(prepared, data)
    studies = read_manifest(data)
    write_manifest(data, [replace(studies[0], spacings=((3.0, 1.0, 1.0),)), *studies[1:]])
    with pytest.raises(UserError, match=r"is in 3D, the encoder in 2D: give --dim 3, or prepare"):
        pretrain(data, tmp_path / "run", tiny_config, on_cpu)
    assert not (tmp_path / "run").exists()
