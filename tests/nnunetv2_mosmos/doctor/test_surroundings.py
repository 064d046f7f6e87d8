import os

import pytest
import torch

from nnunetv2_mosmos.doctor import surroundings
from nnunetv2_mosmos.doctor.surroundings import FOLDER_VARIABLES, check_device, check_text_encoders, check_variables


@pytest.fixture
def environment(tmp_path):
    return dict.fromkeys(FOLDER_VARIABLES, str(tmp_path))


def test_usable_folders_are_one_line(environment):
    assert [finding.level for finding in check_variables(environment)] == ["ok"]


def test_an_unset_variable_and_a_missing_folder_are_problems(environment, tmp_path):
    del environment["nnUNet_raw"]
    environment["nnUNet_results"] = str(tmp_path / "missing")
    raw, results = check_variables(environment)
    assert (raw.level, raw.subject, raw.remedy) == ("problem", "nnUNet_raw", "export nnUNet_raw=FOLDER")
    assert (results.level, results.subject) == ("problem", "nnUNet_results")
    assert results.remedy.startswith(f"mkdir -p '{tmp_path / 'missing'}'")


def test_results_must_be_writable_and_raw_only_readable(environment, monkeypatch):
    monkeypatch.setattr(surroundings.os, "access", lambda path, mode: mode != os.W_OK)
    assert [finding.subject for finding in check_variables(environment)] == ["nnUNet_preprocessed", "nnUNet_results"]


def test_no_augmentation_worker_at_all_is_a_problem(environment):
    environment["nnUNet_n_proc_DA"] = "0"
    assert [finding.level for finding in check_variables(environment)] == ["ok", "problem"]


def test_cached_text_encoders_are_named(tmp_path):
    (tmp_path / "models--someone--radbert" / "snapshots" / "abc").mkdir(parents=True)
    (tmp_path / "models--half--loaded").mkdir()
    (finding,) = check_text_encoders(tmp_path, offline=True)
    assert finding.level == "ok"
    assert "1 in the cache" in finding.text
    assert "someone/radbert" in finding.text


@pytest.mark.parametrize(("offline", "level"), [(True, "warning"), (False, "ok")])
def test_an_empty_cache_matters_only_offline(tmp_path, offline, level):
    (finding,) = check_text_encoders(tmp_path / "missing", offline)
    assert finding.level == level


@pytest.mark.parametrize(
    ("driver", "cuda", "words"),
    [("/usr/bin/nvidia-smi", None, "a build without CUDA"), ("/usr/bin/nvidia-smi", "13.0", "finds none")],
)
def test_an_nvidia_driver_that_torch_cannot_use_is_told(monkeypatch, driver, cuda, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(surroundings.shutil, "which", lambda command: driver)
    (finding,) = check_device()
    assert finding.level == "warning"
    assert words in finding.text


def test_without_a_gpu_the_remedy_is_nnunets_device_option(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(surroundings.shutil, "which", lambda command: None)
    (finding,) = check_device()
    assert finding.remedy == "give nnU-Net's commands -device cpu"
