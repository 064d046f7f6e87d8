"""Versions of the libraries, and those whose builds do not fit each other."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.version import Version

from nnunetv2_mosmos.doctor.finding import Finding

DISTRIBUTION = "nnunetv2-mosmos"
SHOWN = ("nnunetv2", "torch", "transformers", "monai")
# `torch.load(weights_only=True)`, which nnU-Net's checkpoints go through, is unsafe before it: CVE-2026-24747.
SAFE_TORCH = Version("2.10")


def check_libraries() -> list[Finding]:
    """Versions against setup.cfg, and the imports that mismatched builds break."""
    return [*_requirements(), *check_torch(), *check_torchvision(), *check_timm()]


def _requirements() -> list[Finding]:
    try:
        needed = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return [
            Finding(
                "warning",
                "installation",
                f"{DISTRIBUTION} is not installed in {sys.prefix}; this runs from a folder on Python's path",
                "install it: pip install . (in its checkout)",
            )
        ]
    return check_requirements(needed)


def check_requirements(needed: Iterable[str]) -> list[Finding]:
    """Compare what is installed with what is needed.

    Args:
        needed: requirements as packages declare them (PEP 508); those of extras are left out.

    Returns:
        One finding for every requirement that is not met, or a single one when all are.
    """
    findings = []
    known = []
    for requirement in map(Requirement, needed):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            text = f"{requirement} is needed and not installed"
            findings.append(Finding("problem", requirement.name, text, f"pip install '{requirement}'"))
            continue
        if requirement.specifier.contains(found, prereleases=True):
            known.append((requirement.name, found))
        else:
            text = f"{found} is installed, {requirement} is needed"
            findings.append(Finding("problem", requirement.name, text, f"pip install '{requirement}'"))
    if not findings:
        shown = ", ".join(f"{name} {found}" for name, found in known if name in SHOWN)
        python = ".".join(map(str, sys.version_info[:3]))
        findings.append(Finding("ok", "versions", f"Python {python}, {shown}; all {len(known)} requirements are met"))
    return findings


def check_torch() -> list[Finding]:
    """Warn of a PyTorch whose loading of checkpoints has a known hole."""
    try:
        found = version("torch")
    except PackageNotFoundError:
        return []
    if Version(found) >= SAFE_TORCH:
        return []
    return [
        Finding(
            "warning",
            "torch",
            f"{found} can be made to run code by a prepared checkpoint, even with weights_only (CVE-2026-24747)",
            f"install torch>={SAFE_TORCH}, or open checkpoints of people you trust only",
        )
    ]


def check_torchvision() -> list[Finding]:
    """A torchvision made for another build of PyTorch breaks transformers; the versions tell, an import proves."""
    try:
        found, torch = version("torchvision"), version("torch")
    except PackageNotFoundError:
        return []
    failure = import_failure("torchvision")
    if failure is None:
        return [Finding("ok", "torchvision", f"{found} fits torch {torch}")]
    return [
        Finding(
            "problem",
            "torchvision",
            f"{found} was made for another build of PyTorch than torch {torch} and cannot be imported ({failure}); "
            "neither can transformers' models",
            "pip uninstall torchvision, or install the one from the same place as torch",
        )
    ]


def check_timm() -> list[Finding]:
    """Without timm, nnU-Net stops looking for trainers at its own Primus trainers."""
    failure = import_failure("timm.layers")
    if failure is None:
        return []
    return [
        Finding(
            "warning",
            "timm",
            f"cannot be imported ({failure}): MOSMOS does without, but nnU-Net finds none of its own trainer variants "
            "(nnUNetTrainer_5epochs, Primus) and searches no nnUNet_extTrainer",
            "install the torchvision that was made for this torch, from the same place as torch",
        )
    ]


def import_failure(module: str) -> str | None:
    """Why a module cannot be imported, in one line, or None when it can."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything
        return one_line(error)
    return None


def one_line(error: Exception) -> str:
    """What an error says, however long."""
    return " ".join(str(error).split())[:200] or type(error).__name__
