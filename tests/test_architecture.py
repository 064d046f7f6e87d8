"""Who may import whom."""

import ast
import graphlib

import pytest

# Some installations of these break whatever imports them; nothing here needs them.
NEVER = {"timm", "torchvision", "open_clip", "sentence_transformers", "albumentations", "medspacy", "spacy"}
FORBIDDEN = {
    "pretraining": NEVER | {"nnunetv2", "nnunetv2_mosmos", "benchmarks", "tests"},
    "nnunetv2_mosmos": NEVER | {"benchmarks", "tests"},
}


def imported(path):
    """Modules that a file imports from, anywhere in it, as their parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield tuple(node.module.split("."))


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
