"""3d_lowres, then 3d_cascade_fullres on its segmentations."""

import json

import numpy as np
import pytest
import torch

from nnunetv2_mosmos.cli.attach import main
from nnunetv2_mosmos.settings import settings_of

PLANS = "nnUNetPlansCascade"
LOWRES, CASCADE = "3d_lowres", "3d_cascade_fullres"
TRAINER = "nnUNetTrainerMOSMOS_smoke"


@pytest.fixture(scope="module")
def cascade_plans(nnunet_home, threads) -> dict:
    """Plans with a cascade that nnU-Net would not plan for volumes this small, beside the dataset's own."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import preprocess

    plans = nnunet_home.plans()
    configurations = plans["configurations"]
    lowres = {**configurations["3d_fullres"], "data_identifier": f"{PLANS}_{LOWRES}", "next_stage": CASCADE}
    lowres |= {"spacing": [1.5, 1.5, 1.5], "patch_size": [16, 16, 16], "median_image_size_in_voxels": [16, 16, 16]}
    configurations |= {LOWRES: lowres, CASCADE: {"inherits_from": "3d_fullres", "previous_stage": LOWRES}}
    plans["plans_name"] = PLANS
    (nnunet_home.dataset / f"{PLANS}.json").write_text(json.dumps(plans))
    with threads():
        preprocess([917], PLANS, (LOWRES,), num_processes=(1,), show_progress_bar=False)
    return plans


@pytest.fixture
def attached_cascade(nnunet_home, cascade_plans, unet_bundle, capsys):
    """The bundle, attached by the command; what the command said."""
    assert main(["-d", "917", "-b", str(unet_bundle.path), "-p", PLANS]) == 0
    yield capsys.readouterr().out
    (nnunet_home.dataset / "mosmos.json").unlink(missing_ok=True)


@pytest.mark.slow
def test_a_cascade_trains_and_predicts(
    nnunet_home, attached_cascade, empty_results, train, predict, tmp_path, unet_bundle
):
    assert f"{CASCADE}: encoder: 100 % of the parameters" in attached_cascade
    # The second stage trains on segmentations of all cases.
    train(TRAINER, LOWRES, "all", plans_identifier=PLANS)
    models = {name: empty_results / "Dataset917_Tiny" / f"{TRAINER}__{PLANS}__{name}" for name in (LOWRES, CASCADE)}
    assert len(list((models[LOWRES] / "predicted_next_stage" / CASCADE).iterdir())) == 6
    train(TRAINER, CASCADE, 0, plans_identifier=PLANS)
    for model in models.values():
        settings = settings_of(json.loads((model / "plans.json").read_text()))
        assert settings.bundle.sha256 == unet_bundle.info.weights_sha256
        assert settings.maps.tags == ("liver", "spleen", "kidney_left")
    weights = torch.load(models[CASCADE] / "fold_0" / "checkpoint_final.pth", weights_only=False)["network_weights"]
    first = weights["encoder.stages.0.0.convs.0.conv.weight"]
    assert first.shape[1] == 1 + 3 and first[:, 1:].abs().max() > 0

    images = nnunet_home.raw / "Dataset917_Tiny" / "imagesTr"
    options = ("-d", "917", "-tr", TRAINER, "-p", PLANS)
    predict(images, "case0", tmp_path / "first", *options, "-c", LOWRES, "-f", "all")
    stage_two = (*options, "-c", CASCADE, "-f", "0", "-prev_stage_predictions", tmp_path / "first")
    assert predict(images, "case0", tmp_path / "second", *stage_two).shape == (24, 24, 24)


@pytest.fixture
def second_stage(nnunet_home, cascade_plans, empty_results, attach, unet_bundle, vit_bundle):
    """Build the trainer of the second stage."""
    import nnunetv2_mosmos.trainers as trainers

    def build(name: str):
        with attach(nnunet_home, vit_bundle if "UNETR" in name else unet_bundle):
            plans = {**cascade_plans, "continue_training": False}
            trainer = getattr(trainers, name)(plans, CASCADE, 0, nnunet_home.dataset_json(), torch.device("cpu"))
            trainer.initialize()
        return trainer

    return build


def train_two_steps(trainer) -> None:
    target = torch.randint(0, 4, (1, 1, 24, 24, 24))
    targets = [target, target[..., ::2, ::2, ::2]][: len(trainer._get_deep_supervision_scales())]
    trainer.network.train()
    for _ in range(2):
        assert np.isfinite(trainer.train_step({"data": torch.randn(1, 4, 24, 24, 24), "target": targets})["loss"])


@pytest.mark.parametrize("name", ["nnUNetTrainerMOSMOS", "nnUNetTrainerMOSMOS_UNETR"])
def test_the_previous_stages_channels_start_at_zero_and_learn(second_stage, name):
    trainer = second_stage(name)
    encoder = trainer.network.encoder
    first = encoder.patch_embedding.weight if "UNETR" in name else encoder.stages[0][0].convs[0].conv.weight
    assert first.shape[1] == 1 + 3
    assert first[:, :1].abs().max() > 0 and first[:, 1:].abs().max() == 0
    train_two_steps(trainer)
    assert first[:, 1:].abs().max() > 0


def test_a_network_of_another_class_takes_the_previous_stages_channels_too(second_stage):
    trainer = second_stage("nnUNetTrainerMOSMOS_anyNetwork")
    train_two_steps(trainer)
    assert trainer.network.source.encoder.stages[0][0].convs[0].conv.weight.shape[1] == 1
