"""Networks of a user's own under nnU-Net's commands, with maps of a frozen encoder."""

import json
import shutil

import numpy as np
import pytest
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

from nnunetv2_mosmos.settings import settings_of
from pretraining.errors import UserError
from pretraining.image.convolutional import convolutional_arguments
from pretraining.image.normalization import Normalization
from pretraining.image.spec import EncoderSpec

SMOKE = "nnUNetTrainerMOSMOS_anyNetwork_smoke"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def own_model(nnunet_home, with_network, unet_bundle, attach, train, threads, tmp_path_factory):
    """A model of `OwnSupervisedNetwork` on volumes, whose flat bundle is deleted and detached afterwards."""
    plans = with_network(nnunet_home.plans(), "OwnSupervisedNetwork")
    file = nnunet_home.dataset / "ownPlans.json"
    file.write_text(json.dumps({**plans, "plans_name": "ownPlans"}))
    copy = tmp_path_factory.mktemp("passing") / "bundle"
    shutil.copytree(unet_bundle.path, copy)
    with attach(nnunet_home, unet_bundle, bundle=copy), threads():
        train(SMOKE, "3d_fullres", plans_identifier="ownPlans")
    shutil.rmtree(copy)
    yield nnunet_home.results / nnunet_home.dataset.name / f"{SMOKE}__ownPlans__3d_fullres"
    file.unlink()


def test_a_network_of_its_own_trains_and_validates(own_model, unet_bundle):
    summary = json.loads((own_model / "fold_0" / "validation" / "summary.json").read_text())
    assert 0 <= summary["foreground_mean"]["Dice"] <= 1
    settings = settings_of(json.loads((own_model / "plans.json").read_text()))
    assert (settings.network, settings.maps.entry, settings.pretrained_parts) == ("any", "channels", ())
    weights = torch.load(own_model / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    assert all(
        torch.equal(weights[f"source.encoder.{name}"], value) for name, value in unet_bundle.encoder_state().items()
    )
    assert weights["network.shortcut.weight"].shape[1] == 1 + 3
    assert weights["network.shortcut.weight"][:, 1:].abs().max() > 0


def test_its_log_tells_where_the_maps_enter_and_what_they_are_worth(own_model):
    log = next((own_model / "fold_0").glob("training_log_*.txt")).read_text()
    assert "maps of the bundle's frozen encoder enter as further input channels" in log
    assert "Transferred into the encoder: 100 % of the parameters (24 copied of 24 tensors)" in log
    assert "auxiliary" not in log
    effect = json.loads((own_model / "fold_0" / "map_effect.json").read_text())
    assert effect["injection"].keys() == {"body.0", "shortcut"}
    assert all(0 < ratio < 1 for ratio in effect["injection"].values())


def test_its_model_folder_predicts_from_python_without_the_bundle(own_model):
    predictor = nnUNetPredictor(device=CPU, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(own_model), (0,), "checkpoint_final.pth")
    image = np.random.default_rng(0).normal(0, 1, (1, 24, 30, 24)).astype(np.float32)
    segmentation = predictor.predict_single_npy_array(image, {"spacing": (1.0, 1.0, 1.0)}, None, None, False)
    assert segmentation.shape == (24, 30, 24)
    assert segmentation.max() <= 3


def test_validation_alone_needs_no_bundle(own_model, train, threads):
    effect = own_model / "fold_0" / "map_effect.json"
    before = effect.read_text()
    effect.unlink()
    with threads():
        train(SMOKE, "3d_fullres", plans_identifier="ownPlans", only_run_validation=True)
    assert effect.read_text() == before


@pytest.mark.parametrize(
    ("name", "scales"),
    [("OwnSupervisedNetwork", [[1.0, 1.0], [0.5, 0.5]]), ("OwnNetwork", None), ("PatchNetwork", None)],
)
def test_deep_supervision_follows_the_network(attached, make_trainer, with_network, name, scales):
    trainer = make_trainer("nnUNetTrainerMOSMOS_anyNetwork", plans=with_network(attached.plans(), name))
    trainer.initialize()
    assert trainer.enable_deep_supervision == (scales is not None)
    assert trainer._get_deep_supervision_scales() == scales
    trainer.network.train()
    trainer.set_deep_supervision_enabled(True)
    target = torch.randint(0, 4, (2, 1, 24, 24))
    targets = target if scales is None else [target, target[..., ::2, ::2]]
    assert np.isfinite(trainer.train_step({"data": torch.randn(2, 1, 24, 24), "target": targets})["loss"])


def test_a_transformer_bundle_serves_too(attach, nnunet_home, make_trainer, with_network, vit_bundle):
    with attach(nnunet_home, vit_bundle):
        trainer = make_trainer("nnUNetTrainerMOSMOS_anyNetwork", plans=with_network(nnunet_home.plans(), "OwnNetwork"))
        trainer.initialize()
    assert torch.equal(
        trainer.network.source.encoder.blocks[0].attn.qkv.weight, vit_bundle.encoder_state()["blocks.0.attn.qkv.weight"]
    )


def test_the_frozen_encoder_gets_the_bundles_intensities(
    attach, nnunet_home, make_trainer, with_network, bundle_of, tmp_path
):
    plans = with_network(nnunet_home.plans(), "OwnNetwork")
    plans["configurations"]["2d"]["normalization_schemes"] = ["CTNormalization"]
    plans["foreground_intensity_properties_per_channel"]["0"].update(mean=40.0, std=20.0)
    spec = EncoderSpec("plainconv", 2, 1, convolutional_arguments("plainconv", 2, 3))
    normalization = Normalization("ct", lower=-100, upper=200, mean=0.0, std=10.0)
    with attach(nnunet_home, bundle_of(tmp_path / "ct", spec, normalization=normalization)):
        trainer = make_trainer("nnUNetTrainerMOSMOS_anyNetwork", plans=plans)
    assert (trainer.settings.input_affine.scale, trainer.settings.input_affine.shift) == ((2.0,), (4.0,))


def test_a_deep_bundle_is_refused_for_slices(attach, nnunet_home, make_trainer, with_network, bundle_of, tmp_path):
    plans = with_network(nnunet_home.plans(), "OwnNetwork")
    bundle = bundle_of(tmp_path / "deep", EncoderSpec("plainconv", 3, 1, convolutional_arguments("plainconv", 3, 3)))
    with attach(nnunet_home, bundle):
        with pytest.raises(UserError, match="is 3D and its encoder cannot see the slices of a 2d configuration"):
            make_trainer("nnUNetTrainerMOSMOS_anyNetwork", plans=plans)
        assert make_trainer("nnUNetTrainerMOSMOS_anyNetwork", "3d_fullres", plans=plans).settings.maps is not None


def test_a_patch_of_a_single_position_is_refused(attach, nnunet_home, make_trainer, with_network, bundle_of, tmp_path):
    """Patches of 24 are one position to an encoder of stride 32."""
    bundle = bundle_of(tmp_path / "six", EncoderSpec("plainconv", 2, 1, convolutional_arguments("plainconv", 2, 6)))
    plans = with_network(nnunet_home.plans(), "OwnNetwork")
    with (
        attach(nnunet_home, bundle),
        pytest.raises(UserError, match=r"\[24, 24\] is a single position to the bundle's"),
    ):
        make_trainer("nnUNetTrainerMOSMOS_anyNetwork", plans=plans)
