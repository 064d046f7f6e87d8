"""Which bundle a training starts from, and which trainings do not start."""

import json
import shutil

import pytest

from nnunetv2_mosmos.settings import settings_of
from pretraining.errors import UserError


def test_without_a_bundle_there_is_one_clear_sentence_and_nothing_is_written(nnunet_home, make_trainer, tmp_path):
    with pytest.raises(UserError, match="run `nnUNetv2_mosmos_attach -d Dataset917_Tiny -b BUNDLE`, or train "):
        make_trainer("nnUNetTrainerMOSMOS")
    assert not (tmp_path / "results").exists()


def test_the_environment_names_a_bundle_and_says_so(make_trainer, unet_bundle, monkeypatch):
    monkeypatch.setenv("MOSMOS_BUNDLE", str(unet_bundle.path))
    trainer = make_trainer("nnUNetTrainerMOSMOS")
    assert trainer.settings.maps.tags == ("liver", "spleen", "kidney_left")
    trainer.initialize()
    with open(trainer.log_file) as log:
        assert "MOSMOS_BUNDLE is set: using the bundle 'tiny-unet'" in log.read()


def test_the_environment_overrides_the_attachment_aloud(attached, make_trainer, unet_bundle, monkeypatch, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(unet_bundle.path, other)
    monkeypatch.setenv("MOSMOS_BUNDLE", str(other))
    trainer = make_trainer("nnUNetTrainerMOSMOS")
    assert trainer.settings.bundle.name == "other"
    trainer.initialize()
    with open(trainer.log_file) as log:
        assert "using the bundle 'other' instead of the attached one, 'tiny-unet'" in log.read()


def test_a_bundle_that_changed_after_it_was_attached_is_refused(attach, nnunet_home, make_trainer, unet_bundle):
    with (
        attach(nnunet_home, unet_bundle, sha256="0" * 64, inflation="mean"),
        pytest.raises(
            UserError, match=r"its weights have changed.*attach -d Dataset917_Tiny .* --inflation mean` again"
        ),
    ):
        make_trainer("nnUNetTrainerMOSMOS")


def test_an_attachment_to_other_labels_is_refused(attached, make_trainer):
    labels = {"background": 0, "hepar": 1, "spleen": 2, "kidney_left": 3}
    dataset_json = {**attached.dataset_json(), "labels": labels}
    with pytest.raises(
        UserError, match=r"\(hepar, liver\): attach it again, `nnUNetv2_mosmos_attach -d Dataset917_Tiny"
    ):
        make_trainer("nnUNetTrainerMOSMOS", dataset_json=dataset_json)


def test_no_tagged_label_is_refused_and_the_way_out_works(attach, nnunet_home, make_trainer, unet_bundle):
    untagged = dict.fromkeys(("liver", "spleen", "kidney_left"))
    with attach(nnunet_home, unet_bundle, label_tags=untagged):
        with pytest.raises(UserError, match=r"--map LABEL=TAG, or train nnUNetTrainerMOSMOS_encoderOnly"):
            make_trainer("nnUNetTrainerMOSMOS")
        assert make_trainer("nnUNetTrainerMOSMOS_encoderOnly").settings.maps is None


@pytest.mark.parametrize(
    ("bundle", "trainer", "way_out"),
    [
        ("vit_bundle", "nnUNetTrainerMOSMOS", "nnUNetTrainerMOSMOS_UNETR"),
        ("unet_bundle", "nnUNetTrainerMOSMOS_UNETR", "train nnUNetTrainerMOSMOS"),
    ],
)
def test_a_bundle_of_the_other_family_is_refused(attach, nnunet_home, make_trainer, request, bundle, trainer, way_out):
    with attach(nnunet_home, request.getfixturevalue(bundle)), pytest.raises(UserError, match=way_out):
        make_trainer(trainer)


def widened(plans: dict, features: list[int]) -> dict:
    for configuration in ("2d", "3d_fullres"):
        plans["configurations"][configuration]["architecture"]["arch_kwargs"]["features_per_stage"] = features
    return plans


def test_where_no_tensor_fits_no_force_helps(attach, nnunet_home, make_trainer, unet_bundle):
    plans = widened(nnunet_home.plans(), [8, 16, 24])
    with (
        attach(nnunet_home, unet_bundle, force=True),
        pytest.raises(UserError, match="no tensor of the bundle fits the encoder of 2d"),
    ):
        make_trainer("nnUNetTrainerMOSMOS", plans=plans)


def test_where_little_fits_the_user_must_insist(attach, nnunet_home, make_trainer, unet_bundle):
    plans = widened(nnunet_home.plans(), [32, 128, 256])
    with (
        attach(nnunet_home, unet_bundle),
        pytest.raises(UserError, match=r"only 0\.9 % of the encoder of 2d .* attach with --force"),
    ):
        make_trainer("nnUNetTrainerMOSMOS", plans=plans)
    with attach(nnunet_home, unet_bundle, force=True):
        assert make_trainer("nnUNetTrainerMOSMOS", plans=plans).settings.pretrained_parts == ("stages.0",)


def trained_fold(trainer, fold: int) -> None:
    """What nnU-Net leaves of a trained fold, as far as it matters here."""
    folder = trainer.output_folder_base + f"/fold_{fold}"
    shutil.os.makedirs(folder, exist_ok=True)
    open(folder + "/checkpoint_best.pth", "w").close()
    with open(trainer.output_folder_base + "/plans.json", "w") as file:
        json.dump(trainer.plans_manager.plans, file)


def test_a_fold_with_another_bundle_is_refused(attached, make_trainer, unet_bundle, monkeypatch, tmp_path):
    trained_fold(make_trainer("nnUNetTrainerMOSMOS"), 0)
    altered = tmp_path / "altered"
    shutil.copytree(unet_bundle.path, altered)
    from pretraining.bundle.bundle import read_bundle, write_bundle

    bundle = read_bundle(altered)
    write_bundle(altered, bundle.info, {**bundle.tensors, "tag_embeddings": -bundle.tag_embeddings})
    monkeypatch.setenv("MOSMOS_BUNDLE", str(altered))
    trainer = make_trainer("nnUNetTrainerMOSMOS", fold=1)
    with pytest.raises(UserError, match="started from the bundle 'tiny-unet', this one would start from 'altered'"):
        trainer.initialize()


def test_a_fold_with_other_tags_is_refused(attach, nnunet_home, make_trainer, unet_bundle):
    with attach(nnunet_home, unet_bundle):
        trained_fold(make_trainer("nnUNetTrainerMOSMOS"), 0)
    tags = {"liver": "liver", "spleen": None, "kidney_left": "kidney_left"}
    with attach(nnunet_home, unet_bundle, label_tags=tags):
        trainer = make_trainer("nnUNetTrainerMOSMOS", fold=1)
        with pytest.raises(UserError, match="attach with the same --map"):
            trainer.initialize()


@pytest.mark.parametrize("told", [True, False])
def test_a_fold_whose_kernels_became_deep_in_another_way_is_refused(
    attach, nnunet_home, make_trainer, unet_bundle, told
):
    with attach(nnunet_home, unet_bundle):
        trainer = make_trainer("nnUNetTrainerMOSMOS", "3d_fullres")
    if not told:
        # As models of before are.
        del trainer.plans_manager.plans["mosmos"]["inflation"]
    trained_fold(trainer, 0)
    with attach(nnunet_home, unet_bundle, inflation="mean"):
        trainer = make_trainer("nnUNetTrainerMOSMOS", "3d_fullres", fold=1)
        if told:
            with pytest.raises(UserError, match=r"made 3D kernels with --inflation centre, this one would with mean"):
                trainer.initialize()
        else:
            trainer.initialize()
            assert trainer.network.tag_embeddings.norm() > 0


def test_another_fold_with_the_same_bundle_is_welcome(attached, make_trainer):
    trained_fold(make_trainer("nnUNetTrainerMOSMOS"), 0)
    trainer = make_trainer("nnUNetTrainerMOSMOS", fold=1)
    trainer.initialize()
    assert trainer.network.tag_embeddings.norm() > 0


def test_settings_of_a_training_that_never_saved_anything_bind_nobody(attach, nnunet_home, make_trainer, unet_bundle):
    tags = {"liver": "liver", "spleen": None, "kidney_left": None}
    with attach(nnunet_home, unet_bundle, label_tags=tags):
        trainer = make_trainer("nnUNetTrainerMOSMOS")
        trained_fold(trainer, 0)
        shutil.os.remove(trainer.output_folder_base + "/fold_0/checkpoint_best.pth")
    with attach(nnunet_home, unet_bundle):
        assert len(make_trainer("nnUNetTrainerMOSMOS", fold=1).settings.maps.tags) == 3


def test_plans_without_settings_are_refused(nnunet_home):
    with pytest.raises(UserError, match="copy the whole model folder again"):
        settings_of(nnunet_home.plans())


def test_settings_of_a_newer_version_are_refused(attached, make_trainer):
    plans = make_trainer("nnUNetTrainerMOSMOS").plans_manager.plans
    plans["mosmos"]["format_version"] = 99
    with pytest.raises(UserError, match="of format 99"):
        settings_of(plans)


def test_settings_survive_the_plans_file(attached, make_trainer):
    trainer = make_trainer("nnUNetTrainerMOSMOS")
    assert settings_of(json.loads(json.dumps(trainer.plans_manager.plans))) == trainer.settings
