import sys

import pytest

from nnunetv2_mosmos.doctor import libraries
from nnunetv2_mosmos.doctor.libraries import check_requirements, check_timm, check_torch, check_torchvision


@pytest.fixture
def versions(monkeypatch):
    """Sets the versions that look installed."""

    def pretend(**known):
        def version(name):
            if name not in known:
                raise libraries.PackageNotFoundError(name)
            return known[name]

        monkeypatch.setattr(libraries, "version", version)

    return pretend


@pytest.fixture
def module(monkeypatch, tmp_path):
    """Makes an importable module of the given text."""

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))
        for known in [known for known in sys.modules if known.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, known)
        # Removed again after the test, whatever it imports.
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]

    return make


def test_met_requirements_are_one_line_with_the_versions_that_matter(versions):
    versions(nnunetv2="2.8.1", torch="2.13.0+cpu", tqdm="4")
    (finding,) = check_requirements(["nnunetv2>=2.8", "torch>=2.6,!=2.9.*", "tqdm", "wandb; extra == 'wandb'"])
    assert finding.level == "ok"
    assert "nnunetv2 2.8.1, torch 2.13.0+cpu; all 3 requirements" in finding.text


@pytest.mark.parametrize(
    ("installed", "words"),
    [({}, "not installed"), ({"torch": "2.9.1"}, "2.9.1 is installed"), ({"torch": "2.5.0"}, "2.5.0 is installed")],
)
def test_an_unmet_requirement_is_a_problem_with_the_command_that_mends_it(versions, installed, words):
    versions(**installed)
    (finding,) = check_requirements(["torch>=2.6,!=2.9.*"])
    assert finding.level == "problem"
    assert words in finding.text
    assert finding.remedy.startswith("pip install 'torch")


@pytest.mark.parametrize(("torch", "count"), [("2.9.0", 1), ("2.10.0", 0), ("2.13.0+cu130", 0)])
def test_torch_with_unsafe_loading_is_a_warning(versions, torch, count):
    versions(torch=torch)
    findings = check_torch()
    assert [finding.level for finding in findings] == ["warning"] * count
    assert all("CVE-2026-24747" in finding.text for finding in findings)


def test_a_torchvision_of_another_build_is_a_problem(versions, module):
    versions(torch="2.13.0+cpu", torchvision="0.28.0")
    module("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    (finding,) = check_torchvision()
    assert finding.level == "problem"
    assert "torchvision::nms" in finding.text
    assert "pip uninstall torchvision" in finding.remedy


def test_a_torchvision_that_imports_is_fine_and_none_is_not_mentioned(versions, module):
    versions(torch="2.13.0", torchvision="0.28.0")
    module("torchvision", "")
    assert [finding.level for finding in check_torchvision()] == ["ok"]
    versions(torch="2.13.0")
    assert check_torchvision() == []


def test_a_broken_timm_is_a_warning_about_nnunets_own_trainers(module):
    module("timm", "from no_such_torchvision import ops")
    (finding,) = check_timm()
    assert finding.level == "warning"
    assert "no_such_torchvision" in finding.text
    assert "nnUNetTrainer_5epochs" in finding.text


def test_a_checkout_on_the_path_is_told_from_an_installation(monkeypatch):
    monkeypatch.setattr(libraries, "DISTRIBUTION", "no-such-distribution")
    (finding,) = libraries._requirements()
    assert finding.level == "warning"
    assert finding.remedy.startswith("install it")
