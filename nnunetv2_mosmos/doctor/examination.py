"""Everything that the doctor looks at, in the order in which it would have to be mended."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nnunetv2_mosmos.attach.attachment import BUNDLE_VARIABLE
from nnunetv2_mosmos.doctor.bundles import check_bundle, check_dataset
from nnunetv2_mosmos.doctor.finding import Finding
from nnunetv2_mosmos.doctor.libraries import check_libraries, one_line
from nnunetv2_mosmos.doctor.surroundings import check_device, check_hub, check_variables
from nnunetv2_mosmos.doctor.trainers import check_trainers
from pretraining.errors import UserError


def examine(dataset: str | None = None, bundle: Path | None = None) -> list[Finding]:
    """Look at the installation, and at a dataset and a bundle where they are given.

    Args:
        dataset: number or name, as nnU-Net takes it.
        bundle: a bundle's folder; without it, the one that `MOSMOS_BUNDLE` names.
    """
    findings = _guarded("libraries", check_libraries)
    findings += _guarded("trainers", check_trainers)
    findings += check_variables(os.environ)
    findings += _guarded("text encoders", check_hub)
    findings += _guarded("GPU", check_device)
    named = os.environ.get(BUNDLE_VARIABLE)
    if bundle is None and named:
        bundle = Path(named)
        remedy = f"unset {BUNDLE_VARIABLE} to use the bundles that are attached"
        findings.append(Finding("warning", BUNDLE_VARIABLE, f"is set and overrides every attachment: {named}", remedy))
    if bundle is not None:
        findings += _guarded("bundle", check_bundle, bundle)
    if dataset is not None:
        findings += _guarded(f"dataset {dataset}", _dataset, dataset)
    return findings


def _guarded(subject: str, check: Callable[..., list[Finding]], *arguments: Any) -> list[Finding]:
    """A check's findings; where a library that it needs is missing or broken, that is one."""
    try:
        return check(*arguments)
    except Exception as error:  # noqa: BLE001 - a broken library may raise anything
        text = f"cannot be examined ({type(error).__name__}: {one_line(error)})"
        remedy = "mend the library that this names; the findings on versions may say how"
        return [Finding("problem", subject, text, remedy)]


def _dataset(dataset: str) -> list[Finding]:
    from nnunetv2_mosmos.attach.dataset import preprocessed_folder

    # Where nnU-Net's folders are not set, that is a finding already.
    if not os.environ.get("nnUNet_preprocessed"):
        return []
    try:
        return check_dataset(preprocessed_folder(dataset))
    except UserError as error:
        return [Finding("problem", f"dataset {dataset}", str(error))]
