"""The best configuration and ensembles, with a model of plain nnU-Net beside ours."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

PLAIN, OURS = "nnUNetTrainer", "nnUNetTrainerMOSMOS_smoke"


def mean_segmentation(*files) -> np.ndarray:
    """Labels without regions: the largest mean probability."""
    return np.mean([np.load(file)["probabilities"].astype(np.float32) for file in files], axis=0).argmax(0)


def segmentation(file) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(file))


@pytest.fixture
def plain_model(results, train, monkeypatch):
    """Plain nnU-Net, trained for two iterations.

    Its own short variants need torchvision: to find them nnU-Net imports all its trainers, among them the Primus ones.
    """
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    initialize = nnUNetTrainer.initialize

    def shortened(trainer):
        trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 1, 2, 1
        initialize(trainer)

    monkeypatch.setattr(nnUNetTrainer, "initialize", shortened)
    train(PLAIN, "2d", export_validation_probabilities=True)
    return results / f"{PLAIN}__nnUNetPlans__2d"


def test_the_best_configuration_is_found_among_plain_and_mosmos_models(results, plain_model, command):
    from nnunetv2.evaluation.find_best_configuration import find_best_configuration_entry_point

    command(find_best_configuration_entry_point, "917", "-c", "2d", "-tr", PLAIN, OURS, "-f", "0", "-np", "1")
    information = json.loads((results / "inference_information.json").read_text())
    single = {f"{trainer}__nnUNetPlans__2d" for trainer in (PLAIN, OURS)}
    (ensemble,) = information["all_results"].keys() - single
    folder = results / "ensembles" / ensemble
    for case in sorted(path.stem for path in (plain_model / "fold_0" / "validation").glob("*.npz")):
        members = [results / name / "fold_0" / "validation" / f"{case}.npz" for name in single]
        np.testing.assert_array_equal(segmentation(folder / f"{case}.nii.gz"), mean_segmentation(*members))
    best = information["best_model_or_ensemble"]
    assert best["result_on_crossval_pre_pp"] == max(information["all_results"].values())
    assert "nnUNetv2_predict" in (results / "inference_instructions.txt").read_text()


def test_predictions_of_two_configurations_are_ensembled(results, nnunet_home, predict, command, tmp_path):
    from nnunetv2.ensembling.ensemble import entry_point_ensemble_folders

    images = nnunet_home.raw / "Dataset917_Tiny" / "imagesTr"
    folders = [tmp_path / configuration for configuration in ("2d", "3d_fullres")]
    for folder in folders:
        words = ("-d", "917", "-tr", OURS, "-c", folder.name, "-f", "0", "--save_probabilities")
        predict(images, "case0", folder, *words)
    command(entry_point_ensemble_folders, "-i", *folders, "-o", tmp_path / "both", "-np", "1")
    expected = mean_segmentation(*(folder / "case0.npz" for folder in folders))
    np.testing.assert_array_equal(segmentation(tmp_path / "both" / "case0.nii.gz"), expected)
