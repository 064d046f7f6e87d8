"""What is in the network when a training starts, and when it goes on."""

import json

import numpy as np
import pytest
import torch
from nnunetv2.run.run_training import maybe_load_checkpoint
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunetv2_mosmos.trainers.schedule import last_rates
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.spec import EncoderSpec


def parameters(module) -> dict[str, torch.Tensor]:
    return {name: values.detach() for name, values in module.named_parameters()}


def from_bundle(network, bundle) -> bool:
    return all(
        torch.equal(values, bundle.encoder_state()[name]) for name, values in parameters(network.encoder).items()
    )


def batch(trainer, seed: int = 0) -> dict[str, torch.Tensor | list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 4, (2, 1, 24, 24), generator=generator)
    return {"data": torch.randn(2, 1, 24, 24, generator=generator), "target": [target, target[..., ::2, ::2]]}


@pytest.mark.parametrize(
    ("name", "pretrained", "maps"),
    [
        ("nnUNetTrainerMOSMOS", True, "bundle"),
        ("nnUNetTrainerMOSMOS_scratch", False, None),
        ("nnUNetTrainerMOSMOS_encoderOnly", True, None),
        ("nnUNetTrainerMOSMOS_mapsOnly", False, "bundle"),
        ("nnUNetTrainerMOSMOS_randomTags", True, "random"),
    ],
)
def test_each_control_leaves_out_what_it_says(attached, make_trainer, unet_bundle, name, pretrained, maps):
    trainer = make_trainer(name)
    trainer.initialize()
    network = trainer.network
    assert from_bundle(network, unet_bundle) == pretrained
    assert len(trainer.optimizer.param_groups) == 1 + pretrained
    assert network.has_maps == (maps is not None)
    if maps is not None:
        rows = [unet_bundle.tag_ids.index(tag) for tag in ("liver", "spleen", "kidney_left")]
        assert torch.equal(network.tag_embeddings, unet_bundle.tag_embeddings[rows]) == (maps == "bundle")
        torch.testing.assert_close(network.tag_embeddings.norm(dim=1), torch.ones(3))
        projector = parameters(network.pixel_projector)["laterals.2.weight"]
        assert torch.equal(projector, unet_bundle.projector_state()["laterals.2.weight"]) == pretrained
    trainer.network.train()
    assert np.isfinite(trainer.train_step(batch(trainer))["loss"])


def test_scratch_needs_no_bundle(nnunet_home, make_trainer):
    trainer = make_trainer("nnUNetTrainerMOSMOS_scratch")
    trainer.initialize()
    assert trainer.settings.bundle is None


def test_random_tags_are_the_same_in_every_fold(attached, make_trainer):
    embeddings = []
    for fold in (0, 1):
        trainer = make_trainer("nnUNetTrainerMOSMOS_randomTags", fold=fold)
        trainer.initialize()
        embeddings.append(trainer.network.tag_embeddings)
    assert torch.equal(*embeddings)


def test_the_bias_of_each_map_starts_at_its_labels_frequency(attached, make_trainer):
    trainer = make_trainer("nnUNetTrainerMOSMOS")
    trainer.initialize()
    # Every case holds one cuboid of 7 x 7 x 7 voxels a label in 24 x 24 x 24.
    frequencies = trainer.network.map_bias.sigmoid().detach().numpy()
    np.testing.assert_allclose(frequencies, 7**3 / 24**3, rtol=1e-3)


def test_the_auxiliary_loss_reaches_the_projector_at_the_first_step(attached, make_trainer):
    trainer = make_trainer("nnUNetTrainerMOSMOS")
    trainer.initialize()
    trainer.network.train()
    before = trainer.network.pixel_projector.laterals["2"].weight.clone()
    outcome = trainer.train_step(batch(trainer))
    assert outcome["auxiliary_loss"] > 0
    assert not torch.equal(before, trainer.network.pixel_projector.laterals["2"].weight)
    assert trainer.network.injections["2"].maps.weight.abs().max() > 0


@pytest.mark.parametrize("tag", ["liver", "brain"])
def test_pretrained_weights_of_other_tags_leave_a_run_its_own(
    attach, nnunet_home, make_trainer, unet_bundle, monkeypatch, tmp_path, tag
):
    with attach(nnunet_home, unet_bundle):
        first = make_trainer("nnUNetTrainerMOSMOS")
        first.initialize()
    for parameter in first.network.parameters():
        torch.nn.init.constant_(parameter, 0.5)
    torch.save({"network_weights": first.network.state_dict()}, tmp_path / "first.pth")
    tags = {"liver": tag, "spleen": "spleen", "kidney_left": "kidney_left"}
    with attach(nnunet_home, unet_bundle, label_tags=tags):
        second = make_trainer("nnUNetTrainerMOSMOS")
        second.initialize()
    own = {name: getattr(second.network, name).detach().clone() for name in ("tag_embeddings", "map_bias")}
    maybe_load_checkpoint(second, False, False, str(tmp_path / "first.pth"))
    monkeypatch.setattr(nnUNetTrainer, "on_train_start", lambda trainer: None)
    second.on_train_start()
    other = tag != "liver"
    assert torch.equal(second.network.tag_embeddings, own["tag_embeddings"])
    assert torch.equal(second.network.map_bias, own["map_bias"] if other else torch.full((3,), 0.5))
    assert all((values == 0.5).all() for values in second.network.encoder.parameters())
    with open(second.log_file) as log:
        assert ("The pretrained weights have other tags" in log.read()) == other


def test_pretrained_weights_leave_frozen_maps_to_the_runs_own_bundle(
    attach, nnunet_home, make_trainer, bundle_of, unet_bundle, monkeypatch, tmp_path
):
    name = "nnUNetTrainerMOSMOS_anyNetwork"
    with attach(nnunet_home, unet_bundle):
        trainer = make_trainer(name)
        trainer.initialize()
    pretrained = {key: torch.full_like(values, 0.5) for key, values in trainer.network.state_dict().items()}
    torch.save({"network_weights": pretrained}, tmp_path / "other.pth")
    maybe_load_checkpoint(trainer, False, False, str(tmp_path / "other.pth"))
    monkeypatch.setattr(nnUNetTrainer, "on_train_start", lambda trainer: None)
    trainer.on_train_start()
    assert from_bundle(trainer.network.source, unet_bundle)
    assert (next(trainer.network.network.encoder.parameters()) == 0.5).all()


def test_overlapping_regions_with_an_ignore_label_train(attach, nnunet_home, make_trainer, unet_bundle):
    labels = {"background": 0, "abdomen": [1, 2, 3], "liver": 1, "spleen": 2, "ignore": 4}
    dataset_json = {**nnunet_home.dataset_json(), "labels": labels, "regions_class_order": [3, 1, 2]}
    with attach(nnunet_home, unet_bundle, label_tags={"abdomen": None, "liver": "liver", "spleen": "spleen"}):
        trainer = make_trainer("nnUNetTrainerMOSMOS", dataset_json=dataset_json)
        trainer.initialize()
    assert trainer.auxiliary_loss.classes.channels == ((1,), (2,))
    trainer.network.train()
    target = torch.rand(2, 4, 24, 24) > 0.5
    outcome = trainer.train_step({"data": torch.randn(2, 1, 24, 24), "target": [target, target[..., ::2, ::2]]})
    assert np.isfinite(outcome["loss"]) and outcome["auxiliary_loss"] > 0


def test_residual_encoders_with_more_input_channels_train(attach, nnunet_home, make_trainer, bundle_of, tmp_path):
    """As nnU-Net's ResEnc presets plan them, for two modalities."""
    plans, dataset_json = nnunet_home.plans(), nnunet_home.dataset_json()
    configuration = plans["configurations"]["3d_fullres"]
    configuration["architecture"]["network_class_name"] = configuration["architecture"]["network_class_name"].replace(
        "PlainConvUNet", "ResidualEncoderUNet"
    )
    arguments = configuration["architecture"]["arch_kwargs"]
    arguments["n_blocks_per_stage"], arguments["n_conv_per_stage_decoder"] = [1, 2, 2], [1, 1]
    del arguments["n_conv_per_stage"]
    configuration["normalization_schemes"] = ["ZScoreNormalization"] * 2
    dataset_json["channel_names"] = {"0": "T1", "1": "T2"}
    spec = EncoderSpec("resenc", 2, 1, {**convolutional_arguments("resenc", 2, 3), "n_blocks_per_stage": [1, 2, 2]})
    bundle = bundle_of(tmp_path / "resenc", spec)
    with attach(nnunet_home, bundle):
        trainer = make_trainer("nnUNetTrainerMOSMOS", "3d_fullres", plans=plans, dataset_json=dataset_json)
        trainer.initialize()
    encoder = trainer.network.encoder
    assert trainer.settings.pretrained_parts == ("stem", "stages.0", "stages.1", "stages.2")
    stem = bundle.encoder_state()["stem.convs.0.conv.weight"]
    assert torch.equal(encoder.stem.convs[0].conv.weight[:, 1:, 1], stem / 2)
    trainer.network.train()
    target = torch.randint(0, 4, (1, 1, 24, 24, 24))
    outcome = trainer.train_step(
        {"data": torch.randn(1, 2, 24, 24, 24), "target": [target, target[..., ::2, ::2, ::2]]}
    )
    assert np.isfinite(outcome["loss"])


def test_the_unetr_starts_from_the_transformer_in_2d_too(attach, nnunet_home, make_trainer, vit_bundle):
    with attach(nnunet_home, vit_bundle):
        trainer = make_trainer("nnUNetTrainerMOSMOS_UNETR")
        trainer.initialize()
    state = vit_bundle.encoder_state()
    encoder = parameters(trainer.network.encoder)
    assert all(torch.equal(values, state[name]) for name, values in encoder.items() if name.startswith("blocks"))
    assert torch.equal(encoder["patch_embedding.weight"], state["patch_embedding.weight"])
    assert [group["rate_scale"] for group in trainer.optimizer.param_groups] == [1, 0.1]
    assert all(group["warmup_epochs"] == 10 for group in trainer.optimizer.param_groups)
    trainer.network.train()
    assert np.isfinite(trainer.train_step(batch(trainer))["loss"])


def test_a_continued_training_goes_on_exactly(attach, nnunet_home, make_trainer, unet_bundle, tmp_path):
    with attach(nnunet_home, unet_bundle):
        first = make_trainer("nnUNetTrainerMOSMOS_demo")
        first.initialize()
    first.network.train()
    first.lr_scheduler.step(0)
    first.train_step(batch(first, 1))
    first.logger.log("epoch_start_timestamps", 0.0, 0)
    first.on_train_epoch_end([{"loss": np.array(1.0), "auxiliary_loss": np.array(1.0)}])
    file = f"{first.output_folder}/checkpoint_latest.pth"
    first.save_checkpoint(file)
    with open(first.output_folder_base + "/plans.json", "w") as plans:
        json.dump(first.plans_manager.plans, plans)

    # Neither attached nor named by the environment any more.
    second = make_trainer("nnUNetTrainerMOSMOS_demo", continued=True)
    second.load_checkpoint(file)
    assert second.current_epoch == 1
    second.network.train()
    for trainer in (first, second):
        trainer.lr_scheduler.step(1)
        trainer.train_step(batch(trainer, 2))
    assert last_rates(first.optimizer) == last_rates(second.optimizer)
    assert len(last_rates(second.optimizer)) == 2
    ours, theirs = first.network.state_dict(), second.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
