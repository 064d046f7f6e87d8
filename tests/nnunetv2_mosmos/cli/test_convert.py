import nibabel
import numpy as np
import pytest

from nnunetv2_mosmos.cli.convert import main


@pytest.fixture
def mmwhs(tmp_path):
    """Two MR cases of MM-WHS; the second has no label."""
    folder = tmp_path / "download" / "mr_train"
    folder.mkdir(parents=True)
    values = np.resize([0, 500, 600, 421], (4, 4, 4)).astype(np.int16)
    for name in ("mr_train_1001_image", "mr_train_1001_label", "mr_train_1002_image"):
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"{name}.nii.gz")
    return folder.parent


@pytest.fixture
def raw(tmp_path, monkeypatch):
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
        (tmp_path / name).mkdir()
    return tmp_path / "raw"


def test_it_converts_and_tells_what_stayed_behind_and_what_to_do_next(mmwhs, raw, capsys):
    assert main(["mmwhs", "-i", str(mmwhs), "-d", "42", "--modality", "mr"]) == 0
    output = capsys.readouterr().out
    assert "Dataset042_MMWHS2017_MR: 1 training cases, 0 test cases" in output
    assert "mr_train_1001: a known slip in its label was mended" in output
    assert "WARNING: 1 left out" in output
    assert "mr_train_1002: mr_train_1002_label.nii.gz is missing" in output
    assert "nnUNetv2_plan_and_preprocess -d 42 --verify_dataset_integrity" in output
    assert "nnUNetv2_train 42 3d_fullres 0 -tr nnUNetTrainerMOSMOS_onlyMirror01" in output
    assert (raw / "Dataset042_MMWHS2017_MR" / "labelsTr" / "mr_train_1001.nii.gz").is_file()


@pytest.mark.parametrize("place", ["raw", "preprocessed", "results"])
def test_a_number_that_is_taken_is_refused(mmwhs, raw, capsys, place):
    (raw.parent / place / "Dataset042_Mine").mkdir()
    assert main(["mmwhs", "-i", str(mmwhs), "-d", "42", "--modality", "mr"]) == 1
    assert "--dataset-id 42 is taken by Dataset042_Mine: give another number" in capsys.readouterr().err
    assert not (raw / "Dataset042_MMWHS2017_MR").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["btcv", "-d", "17"], "holds no Training/img"),
        (["mmwhs", "-d", "17"], "say which to take with --modality"),
        (["mmwhs", "-d", "0", "--modality", "mr"], "nnU-Net numbers datasets from 1 to 999"),
    ],
)
def test_slips_cost_one_sentence(mmwhs, raw, capsys, words, message):
    assert main([*words, "-i", str(mmwhs)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("nnUNetv2_mosmos_convert: ") and message in error
    assert error.count("\n") == 1
    assert list(raw.iterdir()) == []


def test_without_nnunets_folders_it_says_so(mmwhs, monkeypatch, capsys):
    monkeypatch.delenv("nnUNet_raw", raising=False)
    assert main(["mmwhs", "-i", str(mmwhs), "-d", "42", "--modality", "mr"]) == 1
    assert "nnUNet_raw is not set" in capsys.readouterr().err
