import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from nnunetv2_mosmos.discovery import EXTERNAL_TRAINERS, TRAINER_NAMES
from nnunetv2_mosmos.doctor import trainers
from nnunetv2_mosmos.doctor.trainers import check_command, check_discovery, check_external_folders


@pytest.fixture
def trainer_module(monkeypatch):
    """Stands in for nnU-Net's trainer module, with or without our names."""

    def make(names):
        module = ModuleType(trainers.TRAINER_MODULE)
        vars(module).update(dict.fromkeys(names))
        monkeypatch.setitem(sys.modules, trainers.TRAINER_MODULE, module)
        monkeypatch.setitem(sys.modules, "nnunetv2_mosmos.trainers", ModuleType("nnunetv2_mosmos.trainers"))
        monkeypatch.delenv("nnUNet_extTrainer", raising=False)

    return make


def test_trainers_that_nnunet_finds_are_fine(trainer_module):
    trainer_module(TRAINER_NAMES)
    assert [finding.level for finding in check_discovery()] == ["ok"]


def test_trainers_that_nnunet_does_not_find_are_a_problem_with_two_ways_out(trainer_module):
    trainer_module(TRAINER_NAMES[:-1])
    (finding,) = check_discovery()
    assert finding.level == "problem"
    assert "zz_nnunetv2_mosmos.pth" in finding.text
    assert f"nnUNet_extTrainer={EXTERNAL_TRAINERS}" in finding.remedy


def test_the_fallback_folder_counts(trainer_module, monkeypatch, tmp_path):
    trainer_module([])
    monkeypatch.setenv("nnUNet_extTrainer", os.pathsep.join([str(tmp_path), str(EXTERNAL_TRAINERS)]))
    (finding,) = check_discovery()
    assert finding.level == "ok"
    assert "nnUNet_extTrainer" in finding.text


def test_trainers_that_cannot_be_imported_are_a_problem_that_names_the_cause(trainer_module, monkeypatch):
    trainer_module(TRAINER_NAMES)
    monkeypatch.setitem(sys.modules, "nnunetv2_mosmos.trainers", None)
    (finding,) = check_discovery()
    assert finding.level == "problem"
    assert "nnunetv2_mosmos.trainers" in finding.text


def test_only_our_own_folders_other_than_the_fallback_are_refused(tmp_path):
    package = EXTERNAL_TRAINERS.parents[1]
    folders = [package / "trainers", EXTERNAL_TRAINERS, tmp_path, package]
    findings = check_external_folders(os.pathsep.join(map(str, folders)))
    assert [finding.text.split(",")[0] for finding in findings] == [f"names {package / 'trainers'}", f"names {package}"]
    assert check_external_folders("") == []


@pytest.mark.parametrize("place", ["nowhere", "elsewhere", "here"])
def test_the_command_must_belong_to_this_environment(monkeypatch, tmp_path, place):
    found = {"nowhere": None, "elsewhere": str(tmp_path / "bin/nnUNetv2_train")}
    here = str(Path(sys.executable).parent / "nnUNetv2_train")
    monkeypatch.setattr(trainers.shutil, "which", lambda command: found.get(place, here))
    findings = check_command()
    assert [finding.level for finding in findings] == ([] if place == "here" else ["warning"])
    assert all("activate the environment" in finding.remedy for finding in findings)
