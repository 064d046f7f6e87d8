"""`mosmos_pretrain phantom`: synthetic patients."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pretraining.disk import disk_problems_are_users
from pretraining.errors import UserError
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
    """New folder: pairs.csv, images/, masks/ and lesions/ with their labels.json, gold.jsonl, phantom.json; labelled/
    with an nnU-Net raw data set."""
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
    """Body regions of the pairs (head, neck, chest, abdomen, pelvis; fewer in a preset that has fewer); the preset's
    when omitted."""
    studies_per_patient: int | None = None
    """How many pairs show the same body."""
    organs: tuple[str, ...] | None = None
    """Tag ids of organs and lesions to label in the labelled cases (kidney or kidney_left, not both); the preset's when
    omitted."""


def run(options: Options) -> int:
    """Write what was asked for."""
    preset = find_preset(options.preset)
    _check(options, preset)
    pairs, labelled = _pairs_population(options, preset), _labelled_population(options, preset)
    with disk_problems_are_users(
        options.output, state="the data set is not complete", then="start again with a new folder as --output"
    ):
        _write(options, preset, pairs, labelled)
        content = {
            key: str(value) if isinstance(value, Path) else value
            for key, value in asdict(options).items()
            if key != "output"
        }
        (options.output / "phantom.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    logger.info("wrote %d studies to %s", options.studies, options.output)
    return 0


def _write(options: Options, preset: Preset, pairs: Population, labelled: Population) -> None:
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
        write_labelled(
            LabelledJob(
                folder=options.output / "labelled",
                seed=options.seed,
                train=options.labelled,
                test=options.labelled_test,
                organs=options.organs or preset.organs,
                population=labelled,
            )
        )


def _check(options: Options, preset: Preset) -> None:
    """Find mistakes in all but what the populations are made of."""
    if options.output.is_file():
        raise UserError(f"{options.output} is a file: choose a new folder with --output")
    if options.output.exists() and any(options.output.iterdir()):
        raise UserError(f"{options.output} is not empty: choose a new folder with --output")
    for name in ("studies", "held_out", "labelled", "labelled_test", "seed"):
        if getattr(options, name) < 0:
            raise UserError(f"--{name.replace('_', '-')} {getattr(options, name)}: give 0 or more")
    if options.studies_per_patient is not None and options.studies_per_patient < 1:
        raise UserError(f"--studies-per-patient {options.studies_per_patient}: give 1 or more")
    _check_organs(options.organs or preset.organs)


def _check_organs(organs: tuple[str, ...]) -> None:
    """Each is the phantom's, and no two label the same voxels."""
    owners: dict[str, str] = {}
    for organ in organs:
        parts = (organ,) if organ in TAGS else members(organ)
        if not parts:
            raise UserError(
                f"--organs: the phantom has no organ '{organ}'; it has: {', '.join(ORGANS)}; and the lesions "
                f"{', '.join(TAGS)}"
            )
        for part in parts:
            if part in owners:
                raise UserError(
                    f"--organs: '{owners[part]}' and '{organ}' would label the same voxels: leave one of them out"
                )
            owners[part] = organ


def _pairs_population(options: Options, preset: Preset) -> Population:
    """Whom the pairs show, and how."""
    population = _fit(preset.pretraining_2d if options.dim == 2 else preset.pretraining_3d, options)
    if options.regions is None:
        return population
    known = population.protocol.spans
    if not options.regions or not known.keys() >= set(options.regions):
        raise UserError(
            f"--regions {' '.join(options.regions)}: give some of the regions that --preset {options.preset} has with "
            f"--dim {options.dim}: {', '.join(known)}"
        )
    return replace(population, protocol=replace(population.protocol, regions=options.regions))


def _labelled_population(options: Options, preset: Preset) -> Population:
    """Whom the labelled cases show, and how."""
    population = preset.labelled
    if options.labelled_dim == 2:
        protocol = population.protocol
        population = replace(
            population, protocol=replace(protocol, size=protocol.size[1:], spacing=protocol.spacing[1:])
        )
    return _fit(population, options, "labelled_")


def _fit(population: Population, options: Options, prefix: str = "") -> Population:
    """The population with the options' modality, and the size and spacing that stand there under `prefix`."""
    protocol = population.protocol
    given: dict[str, Any] = {}
    for name in ("size", "spacing"):
        value = getattr(options, prefix + name)
        if value is None:
            continue
        if len(value) != len(protocol.size) or not all(0 < number < math.inf for number in value):
            raise UserError(
                f"--{prefix.replace('_', '-')}{name} {' '.join(map(str, value))}: give {len(protocol.size)} positive "
                "numbers, one for each axis"
            )
        given[name] = value
    if options.modality is not None:
        given["modalities"] = ("CT", "MR") if options.modality == "both" else (options.modality,)
    return replace(population, protocol=replace(protocol, **given))
