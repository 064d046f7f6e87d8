"""The doctor as a whole, on this very installation and on wrong surroundings."""

import os
import subprocess
import sys

import pytest

from nnunetv2_mosmos.cli.doctor import main
from nnunetv2_mosmos.doctor import Finding, examination, examine


@pytest.fixture
def installation(monkeypatch):
    """Replaces the examination of the installation, whose result depends on the machine."""

    def make(*findings):
        monkeypatch.setattr(examination, "check_libraries", lambda: list(findings))
        for name in ("check_trainers", "check_hub", "check_device"):
            monkeypatch.setattr(examination, name, list)
        monkeypatch.setattr(examination, "check_variables", lambda environment: [])

    return make


def test_this_installation_works(nnunet_home):
    broken = [finding for finding in examine() if finding.level == "problem"]
    assert not broken, broken


def test_a_missing_library_is_a_problem_among_the_other_findings(nnunet_home, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    levels = {finding.subject: finding.level for finding in examine()}
    assert levels["text encoders"] == "problem"
    assert levels.keys() >= {"versions", "trainers", "folders", "GPU"}


def test_the_doctor_survives_a_broken_torch(nnunet_home, unet_bundle, checkout, tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('libcudart.so: cannot open shared object file')")
    done = subprocess.run(
        [sys.executable, "-m", "nnunetv2_mosmos.cli.doctor", "-d", "917", "-b", str(unet_bundle.path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(checkout)])},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "GPU: cannot be examined (OSError: libcudart.so: cannot open shared object file)" in done.stdout
    subjects = ("versions", "trainers", "folders", "text encoders", "bundle", "dataset 917")
    assert all(f" {subject}: " in done.stdout for subject in subjects)


def test_everything_that_is_not_fine_comes_with_a_remedy(monkeypatch):
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.delenv(name, raising=False)
    findings = examine()
    assert sum(finding.level == "problem" for finding in findings) >= 3
    assert all(finding.remedy for finding in findings if finding.level != "ok")


@pytest.mark.parametrize(
    ("level", "code", "totals"),
    [
        ("ok", 0, "0 problems, 0 warnings"),
        ("warning", 0, "0 problems, 1 warning"),
        ("problem", 1, "1 problem, 0 warnings"),
    ],
)
def test_scripts_learn_of_problems_only(installation, capsys, monkeypatch, level, code, totals):
    monkeypatch.delenv("MOSMOS_BUNDLE", raising=False)
    installation(Finding(level, "torch", "as it is", "do this"))
    assert main([]) == code
    printed = capsys.readouterr().out
    assert "torch: as it is" in printed
    assert "-> do this" in printed
    assert printed.endswith(f"\n{totals}\n")


def test_a_dataset_and_a_bundle_are_examined_when_given(installation, attached, unet_bundle, capsys):
    installation()
    assert main(["-d", "917", "-b", str(unet_bundle.path)]) == 0
    printed = capsys.readouterr().out
    assert f"bundle: {unet_bundle.path} is whole" in printed
    assert "Dataset917_Tiny: using the attached bundle" in printed


def test_an_unknown_dataset_is_a_problem(installation, nnunet_home, capsys):
    installation()
    assert main(["-d", "31"]) == 1
    assert "dataset 31: no dataset '31' in nnUNet_raw" in capsys.readouterr().out


def test_the_variable_is_examined_and_told(installation, monkeypatch, tmp_path):
    installation()
    monkeypatch.setenv("MOSMOS_BUNDLE", str(tmp_path))
    assert [(finding.level, finding.subject) for finding in examine()] == [
        ("warning", "MOSMOS_BUNDLE"),
        ("problem", "bundle"),
    ]
