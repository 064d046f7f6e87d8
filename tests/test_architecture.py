"""Who may import whom."""

import ast
import configparser
import graphlib
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Some installations of these break whatever imports them; nothing here needs them.
NEVER = {"timm", "torchvision", "open_clip", "sentence_transformers", "albumentations", "medspacy", "spacy"}
FORBIDDEN = {
    "pretraining": NEVER | {"nnunetv2", "nnunetv2_mosmos", "benchmarks", "tests"},
    "nnunetv2_mosmos": NEVER | {"benchmarks", "tests"},
}


@cache
def imported(path):
    """Modules that a file imports from, anywhere in it, as their parts."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.append(node.module)
    return [tuple(name.split(".")) for name in names]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(checkout, package):
    files = list((checkout / package).rglob("*.py"))
    assert files
    wrong = {
        f"{path.relative_to(checkout)}: {name}"
        for path in files
        for name, *_ in imported(path)
        if name in FORBIDDEN[package]
    }
    assert not wrong


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_two_parts_need_each_other(checkout, package):
    parts = {}
    for path in (checkout / package).rglob("*.py"):
        part = path.relative_to(checkout).with_suffix("").parts[:2]
        parts.setdefault(part, set()).update(
            name[:2] for name in imported(path) if name[0] == package and name[:2] != part
        )
    assert len(parts) > 1
    graphlib.TopologicalSorter(parts).prepare()  # Raises CycleError.


def test_every_library_that_is_imported_is_declared(checkout):
    config = configparser.ConfigParser()
    config.read(checkout / "setup.cfg", encoding="utf-8")
    needs = (config["options"]["install_requires"], *config["options.extras_require"].values())
    lines = (line.strip() for text in needs for line in text.splitlines())
    declared = {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    modules = {
        name for package in FORBIDDEN for path in (checkout / package).rglob("*.py") for name, *_ in imported(path)
    }
    providers = packages_distributions()
    for module in modules.difference(FORBIDDEN, sys.stdlib_module_names):
        if module in providers:
            assert declared.intersection(map(canonicalize_name, providers[module])), module
