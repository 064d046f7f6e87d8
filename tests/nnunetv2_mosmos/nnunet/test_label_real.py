"""Real volumes that lie otherwise than those of pretraining, and real pictures: what is labelled is what
`nnUNetv2_predict` predicts."""

import csv
import json
import shutil

import numpy as np
import pytest
import SimpleITK as sitk
from nnunetv2.experiment_planning.plan_and_preprocess_entrypoints import plan_and_preprocess_entry
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
from nnunetv2.inference.predict_from_raw_data import predict_entry_point
from PIL import Image

from nnunetv2_mosmos.cli.label import main
from nnunetv2_mosmos.discovery import EXTERNAL_TRAINERS
from pretraining.studies.options import PrepareOptions
from pretraining.studies.prepare import prepare

TRAINER = "nnUNetTrainerMOSMOS_scratch_smoke"
CASES = 3
LABELS = {"background": 0, "anterior hippocampus": 1, "posterior hippocampus": 2}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """nnU-Net's three folders."""
    for name in ("raw", "preprocessed", "results"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")
    monkeypatch.setenv("nnUNet_extTrainer", str(EXTERNAL_TRAINERS))
    return tmp_path


@pytest.fixture
def hippocampi(shared_data, home):
    """A raw dataset of a few volumes, which are stored in RAS."""
    raw = home / "raw" / "Dataset004_Hippocampus"
    source = shared_data / "mr_hippocampus_msd"
    for name in ("imagesTr", "labelsTr"):
        (raw / name).mkdir(parents=True)
        for file in sorted((source / name).glob("*.nii.gz"))[:CASES]:
            shutil.copy(file, raw / name)
    description = {"channel_names": {"0": "MR"}, "labels": LABELS, "numTraining": CASES, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(description))
    return raw


@pytest.mark.slow
def test_labels_of_prepared_volumes_are_the_predictions_of_the_original_ones(hippocampi, tmp_path, train, command):
    words = ("-d", "4", "-c", "3d_fullres", "-npfp", "1", "-np", "1")
    command(plan_and_preprocess_entry, *words)
    train(TRAINER, "3d_fullres", "all", dataset="4")
    prepared, predicted = tmp_path / "prepared", tmp_path / "predicted"
    prepare(PrepareOptions(input=hippocampi / "imagesTr", output=prepared, images_only=True, modality="MR", workers=1))
    model = f"-d 4 -c 3d_fullres -f all -tr {TRAINER}".split()
    options = ["--new-dataset", "104", "--check", "nothing", "--splits", "train", "val", "test", "--device", "cpu"]
    assert main([*model, *options, "--data", str(prepared)]) == 0
    images = ("-i", hippocampi / "imagesTr", "-o", predicted, "-device", "cpu", "-npp", "0", "-nps", "0")
    command(predict_entry_point, *model, *images)

    labelled = tmp_path / "raw" / "Dataset104_HippocampusFromReports"
    with (labelled / "cases.csv").open(newline="") as lines:
        cases = list(csv.DictReader(lines))
    assert len(cases) == CASES
    for row in cases:
        name = row["study"].removesuffix("_0000")
        pairs = [
            (labelled / "imagesTr" / f"{row['case']}_0000.nii.gz", hippocampi / "imagesTr" / f"{name}_0000.nii.gz"),
            (labelled / "labelsTr" / f"{row['case']}.nii.gz", predicted / f"{name}.nii.gz"),
        ]
        for written, expected in pairs:
            one, other = sitk.ReadImage(written), sitk.ReadImage(expected)
            assert np.allclose(one.GetDirection(), other.GetDirection())
            assert np.allclose(one.GetOrigin(), other.GetOrigin(), atol=1e-3)
            assert np.array_equal(sitk.GetArrayFromImage(one), sitk.GetArrayFromImage(other))
        values = np.unique(sitk.GetArrayFromImage(sitk.ReadImage(pairs[1][0])))
        assert len(values) > 1


@pytest.fixture
def hearts(shared_data, home):
    """A raw dataset of a few pictures."""
    raw = home / "raw" / "Dataset090_Hearts"
    source = shared_data / "mr_heart_sunnybrook"
    for name, suffix, scale in (("images", "_0000", 1), ("labels", "", 255)):
        (raw / f"{name}Tr").mkdir(parents=True)
        for file in sorted((source / name).glob("*.png"))[:CASES]:
            values = np.asarray(Image.open(file).convert("L")) // scale
            Image.fromarray(values).save(raw / f"{name}Tr" / f"{file.name.split('.')[0]}{suffix}.png")
    labels = {"background": 0, "left ventricle": 1}
    description = {"channel_names": {"0": "MR"}, "labels": labels, "numTraining": CASES, "file_ending": ".png"}
    (raw / "dataset.json").write_text(json.dumps(description))
    return raw


@pytest.mark.slow
def test_pictures_become_a_dataset_of_pictures(hearts, tmp_path, train, command):
    command(plan_and_preprocess_entry, "-d", "90", "-c", "2d", "-npfp", "1", "-np", "1")
    train(TRAINER, "2d", "all", dataset="90")
    prepared, predicted = tmp_path / "prepared", tmp_path / "predicted"
    prepare(PrepareOptions(input=hearts / "imagesTr", output=prepared, images_only=True, modality="MR", workers=1))
    words = f"-d 90 -c 2d -f all -tr {TRAINER} --new-dataset 190 --check nothing --device cpu --splits train val test"
    assert main([*words.split(), "--data", str(prepared)]) == 0

    labelled = tmp_path / "raw" / "Dataset190_HeartsFromReports"
    verify_dataset_integrity(str(labelled), num_processes=1)
    model = f"-d 90 -c 2d -f all -tr {TRAINER}".split()
    images = ("-i", labelled / "imagesTr", "-o", predicted, "-device", "cpu", "-npp", "0", "-nps", "0")
    command(predict_entry_point, *model, *images)
    files = sorted((labelled / "labelsTr").iterdir())
    assert len(files) == CASES
    for file in files:
        assert np.array_equal(np.asarray(Image.open(file)), np.asarray(Image.open(predicted / file.name)))
