"""Environment variables, the cache of text encoders, the GPU."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from nnunetv2_mosmos.doctor.finding import Finding

FOLDER_VARIABLES = {"nnUNet_raw": os.R_OK, "nnUNet_preprocessed": os.W_OK, "nnUNet_results": os.W_OK}


def check_variables(environment: Mapping[str, str]) -> list[Finding]:
    """nnU-Net's folders, and a setting that breaks its planning.

    Args:
        environment: environment variables by name.
    """
    findings = [
        finding
        for name, access in FOLDER_VARIABLES.items()
        if (finding := _folder(name, environment.get(name), access)) is not None
    ]
    if not findings:
        findings.append(Finding("ok", "folders", f"{', '.join(FOLDER_VARIABLES)} are set and can be used"))
    if environment.get("nnUNet_n_proc_DA") == "0":
        findings.append(
            Finding(
                "problem",
                "nnUNet_n_proc_DA",
                "0 breaks nnUNetv2_plan_and_preprocess",
                "export nnUNet_n_proc_DA=1 for the fewest workers, or unset it",
            )
        )
    return findings


def _folder(name: str, value: str | None, access: int) -> Finding | None:
    if not value:
        return Finding("problem", name, "is not set: nnU-Net's commands need it", f"export {name}=FOLDER")
    if not Path(value).is_dir():
        return Finding("problem", name, f"names {value}, which is no folder", f"mkdir -p '{value}', or correct {name}")
    if not os.access(value, access):
        what = "written" if access == os.W_OK else "read"
        return Finding("problem", name, f"{value} cannot be {what}", f"change its permissions, or correct {name}")
    return None


def check_text_encoders(cache: Path, offline: bool) -> list[Finding]:
    """The text encoders that pretraining can use without a download.

    Args:
        cache: folder of the Hugging Face hub's downloads.
        offline: whether downloads are switched off.
    """
    models = {path.parents[1].name for path in cache.glob("models--*/snapshots/*")}
    names = sorted(name.removeprefix("models--").replace("--", "/") for name in models)
    held = f"{len(names)} in the cache {cache}" + (f": {', '.join(names)}" if names else "")
    if names or not offline:
        return [Finding("ok", "text encoders", f"{held}; downloads are {'off' if offline else 'on'}")]
    return [
        Finding(
            "warning",
            "text encoders",
            f"{held}, and HF_HUB_OFFLINE switches downloads off",
            "pretrain with --text-encoder scratch or a local folder, or copy a model into the cache; finetuning and "
            "prediction need none",
        )
    ]


def check_hub() -> list[Finding]:
    """`check_text_encoders` with this machine's settings."""
    from huggingface_hub import constants

    return check_text_encoders(Path(constants.HF_HUB_CACHE), constants.HF_HUB_OFFLINE)


def check_device() -> list[Finding]:
    """The GPU, or why PyTorch does not see it."""
    import torch

    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        memory = properties.total_memory / 2**30
        return [Finding("ok", "GPU", f"{torch.cuda.device_count()} x {properties.name}, {memory:.0f} GiB")]
    if shutil.which("nvidia-smi"):
        cause = "is a build without CUDA" if torch.version.cuda is None else f"(CUDA {torch.version.cuda}) finds none"
        return [
            Finding(
                "warning",
                "GPU",
                f"this machine has an NVIDIA driver, but torch {torch.__version__} {cause}",
                "install the build of torch for the CUDA version that nvidia-smi shows",
            )
        ]
    device = "mps" if torch.backends.mps.is_available() else "cpu"
    return [
        Finding("warning", "GPU", "no CUDA device; training will be slow", f"give nnU-Net's commands -device {device}")
    ]
