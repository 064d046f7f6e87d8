"""Who may import whom."""

import ast

import pytest

# Some installations of these break whatever imports them; nothing here needs them.
NEVER = {"timm", "torchvision", "open_clip", "sentence_transformers", "albumentations", "medspacy", "spacy"}
FORBIDDEN = {
    "pretraining": NEVER | {"nnunetv2", "nnunetv2_mosmos", "benchmarks", "tests"},
    "nnunetv2_mosmos": NEVER | {"benchmarks", "tests"},
}


def imported(path):
    """Top-level packages that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_run_one_way(checkout, package):
    files = list((checkout / package).rglob("*.py"))
    assert files
    wrong = {
        f"{path.relative_to(checkout)}: {name}"
        for path in files
        for name in imported(path)
        if name in FORBIDDEN[package]
    }
    assert not wrong
