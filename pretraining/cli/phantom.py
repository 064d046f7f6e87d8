"""`mosmos_pretrain phantom`: synthetic patients."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pretraining.errors import UserError
from pretraining.phantom.acquisition import SPANS
from pretraining.phantom.labelled import LabelledJob, write_labelled
from pretraining.phantom.lesions import TAGS
from pretraining.phantom.organs import ORGANS, members
from pretraining.phantom.pairs import PairsJob, write_pairs
from pretraining.phantom.presets import Preset, find_preset
from pretraining.phantom.streams import Stream
from pretraining.phantom.study import Population

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """Options of `mosmos_pretrain phantom`."""

    output: Path
    """New folder: pairs.csv, images/, masks/ and gold.jsonl, and labelled/ with an nnU-Net raw data set."""
    studies: int = 500
    """Image-report pairs to pretrain on."""
    dim: Literal[2, 3] = 2
    """2: axial slices as 8-bit PNG. 3: volumes as NIfTI."""
    held_out: int = 0
    """Further pairs, of other patients, in heldout/."""
    labelled: int = 0
    """Labelled training cases, of other patients."""
    labelled_test: int = 0
    """Labelled test cases, of other patients again."""
    labelled_dim: Literal[2, 3] = 3
    """3: volumes. 2: single slices, stored as volumes one voxel deep."""
    seed: int = 0
    """The same seed gives the same studies; study n does not depend on how many are asked for."""
    preset: str = "default"
    """default: CT and MR, hard to segment. shifted: the same bodies, noisier scanners. demo: small and easy."""
    size: tuple[int, ...] | None = None
    """Voxels of the pairs' images along (y, x) or (z, y, x); the preset's when omitted."""
    spacing: tuple[float, ...] | None = None
    """Millimetres between voxels, likewise."""
    labelled_size: tuple[int, ...] | None = None
    """Voxels of the labelled cases."""
    labelled_spacing: tuple[float, ...] | None = None
    """Millimetres between voxels of the labelled cases."""
    modality: Literal["CT", "MR", "both"] | None = None
    """Of all images; the preset's when omitted."""
    regions: tuple[str, ...] | None = None
    """Body regions of the pairs (head, neck, chest, abdomen, pelvis); the preset's when omitted."""
    studies_per_patient: int | None = None
    """How many pairs show the same body."""
    organs: tuple[str, ...] | None = None
    """Tag ids of organs and lesions to label in the labelled cases; the preset's when omitted."""


def run(options: Options) -> int:
    """Write what was asked for."""
    if options.output.exists() and any(options.output.iterdir()):
        raise UserError(f"{options.output} is not empty: choose a new folder with --output")
    preset = find_preset(options.preset)
    _check(options, preset)
    pairs = _fit(
        preset.pretraining_2d if options.dim == 2 else preset.pretraining_3d, options.size, options.spacing, options
    )
    if options.regions is not None:
        pairs = replace(pairs, protocol=replace(pairs.protocol, regions=options.regions))
    _write(options, preset, pairs)
    content = {
        key: str(value) if isinstance(value, Path) else value
        for key, value in asdict(options).items()
        if key != "output"
    }
    (options.output / "phantom.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    logger.info("wrote %d studies to %s", options.studies, options.output)
    return 0


def _write(options: Options, preset: Preset, pairs: Population) -> None:
    per_patient = options.studies_per_patient or preset.studies_per_patient
    for name, folder, count in (
        ("train", options.output, options.studies),
        ("heldout", options.output / "heldout", options.held_out),
    ):
        if count or name == "train":
            write_pairs(
                PairsJob(
                    folder=folder,
                    stream=Stream(options.seed, name),
                    count=count,
                    studies_per_patient=per_patient,
                    population=pairs,
                    reporting=preset.reporting,
                )
            )
    if options.labelled or options.labelled_test:
        labelled = preset.labelled
        if options.labelled_dim == 2:
            protocol = replace(
                labelled.protocol, size=labelled.protocol.size[1:], spacing=labelled.protocol.spacing[1:]
            )
            labelled = replace(labelled, protocol=protocol)
        write_labelled(
            LabelledJob(
                folder=options.output / "labelled",
                seed=options.seed,
                train=options.labelled,
                test=options.labelled_test,
                organs=_known(options.organs or preset.organs),
                population=_fit(labelled, options.labelled_size, options.labelled_spacing, options),
            )
        )


def _fit(
    population: Population, size: tuple[int, ...] | None, spacing: tuple[float, ...] | None, options: Options
) -> Population:
    """The population with the options' size, spacing and modality."""
    protocol = population.protocol
    for name, value in (("size", size), ("spacing", spacing)):
        if value is None:
            continue
        if len(value) != len(protocol.size) or min(value) <= 0:
            raise UserError(
                f"--{name} {' '.join(map(str, value))}: give {len(protocol.size)} positive numbers, one for each axis"
            )
    modalities = {"both": ("CT", "MR"), "CT": ("CT",), "MR": ("MR",), None: protocol.modalities}[options.modality]
    protocol = replace(protocol, size=size or protocol.size, spacing=spacing or protocol.spacing, modalities=modalities)
    return replace(population, protocol=protocol)


def _check(options: Options, preset: Preset) -> None:
    """Find mistakes before anything is written."""
    for name in ("studies", "held_out", "labelled", "labelled_test"):
        if getattr(options, name) < 0:
            raise UserError(f"--{name.replace('_', '-')} {getattr(options, name)}: give 0 or more")
    if options.studies_per_patient is not None and options.studies_per_patient < 1:
        raise UserError(f"--studies-per-patient {options.studies_per_patient}: give 1 or more")
    _known(options.organs or preset.organs)
    for region in options.regions or ():
        if region not in SPANS:
            raise UserError(f"--regions: the phantom has no region '{region}'; it has: {', '.join(SPANS)}")


def _known(organs: tuple[str, ...]) -> tuple[str, ...]:
    for organ in organs:
        if organ not in TAGS and not members(organ):
            raise UserError(
                f"--organs: the phantom has no organ '{organ}'; it has: {', '.join(ORGANS)}; and the lesions "
                f"{', '.join(TAGS)}"
            )
    return organs
