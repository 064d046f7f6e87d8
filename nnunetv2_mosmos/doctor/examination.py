"""Everything that the doctor looks at, in the order in which it would have to be mended."""

from __future__ import annotations

import os
from pathlib import Path

from nnunetv2_mosmos.attach.attachment import BUNDLE_VARIABLE
from nnunetv2_mosmos.doctor.bundles import check_bundle, check_dataset
from nnunetv2_mosmos.doctor.finding import Finding
from nnunetv2_mosmos.doctor.libraries import check_libraries
from nnunetv2_mosmos.doctor.surroundings import check_device, check_hub, check_variables
from nnunetv2_mosmos.doctor.trainers import check_trainers
from pretraining.errors import UserError


def examine(dataset: str | None = None, bundle: Path | None = None) -> list[Finding]:
    """Look at the installation, and at a dataset and a bundle where they are given.

    Args:
        dataset: number or name, as nnU-Net takes it.
        bundle: a bundle's folder; without it, the one that `MOSMOS_BUNDLE` names.
    """
    findings = [*check_libraries(), *check_trainers(), *check_variables(os.environ), *check_hub(), *check_device()]
    named = os.environ.get(BUNDLE_VARIABLE)
    if bundle is None and named:
        bundle = Path(named)
        remedy = f"unset {BUNDLE_VARIABLE} to use the bundles that are attached"
        findings.append(Finding("warning", BUNDLE_VARIABLE, f"is set and overrides every attachment: {named}", remedy))
    if bundle is not None:
        findings += check_bundle(bundle)
    return findings + (_dataset(dataset) if dataset is not None else [])


def _dataset(dataset: str) -> list[Finding]:
    from nnunetv2_mosmos.attach.dataset import preprocessed_folder

    # Where nnU-Net's folders are not set, that is a finding already.
    if not os.environ.get("nnUNet_preprocessed"):
        return []
    try:
        return check_dataset(preprocessed_folder(dataset))
    except UserError as error:
        return [Finding("problem", f"dataset {dataset}", str(error))]
