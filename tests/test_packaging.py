"""What setup.cfg, constraints.txt and CITATION.cff say agrees, and what an sdist holds."""

import configparser
import importlib
import re

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from setuptools.command.egg_info import FileList


@pytest.fixture(scope="module")
def setup_cfg(checkout):
    config = configparser.ConfigParser()
    config.read(checkout / "setup.cfg", encoding="utf-8")
    return config


def requirements(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {canonicalize_name(found.name): found for found in map(Requirement, filter(None, lines))}


@pytest.fixture(scope="module")
def tested(checkout):
    return requirements((checkout / "constraints.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("section", "option"), [("options", "install_requires"), ("options.extras_require", "test")])
def test_every_direct_dependency_is_pinned_to_a_version_that_is_allowed(setup_cfg, tested, section, option):
    for name, requirement in requirements(setup_cfg[section][option]).items():
        (pin,) = tested[name].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_commands_lead_to_functions(setup_cfg):
    commands = setup_cfg["options.entry_points"]["console_scripts"].strip().splitlines()
    assert len(commands) >= 3
    for command in commands:
        module, function = command.split(" = ")[1].split(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_citation_and_changelog_know_the_version(setup_cfg, checkout):
    version = setup_cfg["metadata"]["version"]
    citation = yaml.safe_load((checkout / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    assert citation["license"] == setup_cfg["metadata"]["license"]
    assert all("family-names" in author for reference in citation["references"] for author in reference["authors"])
    changelog = (checkout / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[({re.escape(version)}|Unreleased)\]", changelog, re.MULTILINE)


def test_an_sdist_holds_documents_and_results(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    wanted = [path.relative_to(checkout) for name in ("docs", "benchmarks") for path in (checkout / name).rglob("*.*")]
    held = FileList()
    held.allfiles = [str(path) for path in wanted if path.suffix in (".md", ".json", ".jsonl")]
    for line in (checkout / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            held.process_template_line(line)
    assert len(held.allfiles) > 10
    assert set(held.allfiles) <= set(held.files)
