"""`nnUNetPredictor` from Python."""

import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
import torch

CONFIGURATIONS = ("2d", "3d_fullres")


@pytest.fixture
def predictor_of(results):
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    def build(configuration: str) -> nnUNetPredictor:
        predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
        model = results / f"nnUNetTrainerMOSMOS_smoke__nnUNetPlans__{configuration}"
        predictor.initialize_from_trained_model_folder(str(model), use_folds=(0,))
        return predictor

    return build


@pytest.fixture
def validated(nnunet_home, results):
    """A validation case of fold 0: its image, and by configuration what nnU-Net's validation made of it."""
    case = json.loads((nnunet_home.dataset / "splits_final.json").read_text())[0]["val"][0]
    image = nnunet_home.raw / "Dataset917_Tiny" / "imagesTr" / f"{case}_0000.nii.gz"
    files = {
        configuration: results
        / f"nnUNetTrainerMOSMOS_smoke__nnUNetPlans__{configuration}"
        / "fold_0"
        / "validation"
        / f"{case}.nii.gz"
        for configuration in CONFIGURATIONS
    }
    return image, {name: sitk.GetArrayFromImage(sitk.ReadImage(file)) for name, file in files.items()}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_an_array_is_segmented_as_in_the_validation(predictor_of, validated, configuration):
    image, expected = validated
    array = sitk.GetArrayFromImage(sitk.ReadImage(image))[None].astype(np.float32)
    segmentation, probabilities = predictor_of(configuration).predict_single_npy_array(
        array, {"spacing": [1.0, 1.0, 1.0]}, save_or_return_probabilities=True
    )
    np.testing.assert_array_equal(segmentation, expected[configuration])
    assert probabilities.shape == (4, 24, 24, 24)
    np.testing.assert_array_equal(probabilities.argmax(0), segmentation)


def test_files_are_segmented_by_a_preprocessing_and_an_export_process(predictor_of, validated, threads, tmp_path):
    image, expected = validated
    (tmp_path / "in").mkdir()
    shutil.copy(image, tmp_path / "in")
    with threads():
        predictor_of("3d_fullres").predict_from_files(
            str(tmp_path / "in"),
            str(tmp_path / "out"),
            num_processes_preprocessing=1,
            num_processes_segmentation_export=1,
        )
    written = sitk.ReadImage(tmp_path / "out" / image.name.replace("_0000", ""))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(written), expected["3d_fullres"])
