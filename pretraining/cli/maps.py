"""`mosmos_pretrain maps`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pretraining.errors import UserError


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    bundle: Path
    """Folder of `mosmos_pretrain export --output`."""
    input: tuple[Path, ...]
    """Images: PNG, JPEG, DICOM, NIfTI, NRRD, MHA; a 2D bundle reads volumes slice by slice."""
    output: Path
    """Folder for the maps: a folder an image, with one NIfTI a tag and `overlay.png`; `maps.csv` lists all."""
    tags: str = ""
    """Tags separated by commas, e.g. `liver,spleen`; every tag that training saw when left out."""
    device: str = "auto"
    """`auto` (a GPU where there is one), `cpu`, `cuda`."""


def run(options: Options) -> int:
    """Write maps."""
    from pretraining.bundle.bundle import read_bundle
    from pretraining.maps.mapper import AttentionMapper
    from pretraining.maps.write import write_maps
    from pretraining.training.device import choose_device

    bundle = read_bundle(options.bundle)
    tags = [tag.strip() for tag in options.tags.split(",") if tag.strip()]
    chosen = tags or [tag.id for tag in bundle.info.tags if tag.studies]
    mapper = AttentionMapper(bundle, chosen, choose_device(options.device))
    failures = write_maps(mapper, options.input, options.output)
    if len(failures) == len(options.input):
        raise UserError(f"none of the {len(failures)} images could be mapped; the reasons are above")
    return 0
