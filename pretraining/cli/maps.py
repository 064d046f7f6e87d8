"""`mosmos_pretrain maps`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pretraining.errors import UserError

if TYPE_CHECKING:
    from pretraining.bundle.bundle import Bundle
    from pretraining.maps.zero_shot import FreeTexts


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    bundle: Path
    """Folder of `mosmos_pretrain export --output`."""
    input: tuple[Path, ...]
    """Images (PNG, JPEG, DICOM, NIfTI, NRRD, MHA), or folders: every image below them, a DICOM series being one. A 2D
    bundle reads volumes slice by slice."""
    output: Path
    """Folder for the maps: a folder an image, with NIfTI maps and `overlay.png`; `maps.csv` lists all maps,
    `rejects.csv` what could not be mapped and why. The exit code is 0 when at least one image was mapped."""
    tags: str = ""
    """Tags separated by commas, e.g. `liver,spleen`; every tag that training saw when neither these nor `--text` are
    given."""
    text: str = ""
    """Free texts separated by commas, e.g. `adrenal mass,hepatic cyst`, for what no tag names (zero-shot); needs
    `--run` or `--text-encoder`."""
    run: Path | None = None
    """The run that the bundle was exported from: its text encoder reads `--text`."""
    text_encoder: str = ""
    """Folder or hub id of the text encoder, where training left it as it was (`--freeze-text`)."""
    stack: bool = False
    """All maps of an image in one 4D file, `maps.nii.gz`, with their order in `maps.json`; otherwise a file a tag."""
    threshold: float = 0.5
    """A tag of lower probability is marked as not recognized; its map is written all the same."""
    device: str = "auto"
    """`auto` (a GPU where there is one), `cpu`, `cuda`."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise UserError(f"--threshold {self.threshold} is no probability; give one from 0 to 1")
        for name, given in (("--tags", self.tags), ("--text", self.text)):
            if given and not _entries(given):
                raise UserError(f"{name} '{given}' names nothing; leave it out, or give words between the commas")
        encoders = bool(self.run) + bool(self.text_encoder)
        if encoders != bool(self.text):
            raise UserError(
                "--text needs the text encoder, which a bundle does not hold: give --run (the run's folder) or "
                "--text-encoder (its folder or hub id), one of the two, and give them with --text only"
            )


def run(options: Options) -> int:
    """Write maps."""
    from pretraining.bundle.bundle import read_bundle
    from pretraining.device import choose_device
    from pretraining.maps.inputs import find_images
    from pretraining.maps.mapper import AttentionMapper
    from pretraining.maps.write import REJECTS, TABLE, MapWriter

    images = find_images(options.input, options.output)
    bundle = read_bundle(options.bundle)
    texts = _free_texts(options, bundle)
    tags = _entries(options.tags)
    if not tags and texts is None:
        tags = [tag.id for tag in bundle.info.tags if tag.studies]
    mapper = AttentionMapper(bundle, tags, choose_device(options.device), texts)
    failed = MapWriter(mapper, options.output, options.stack, options.threshold).write(images)
    why = f"{options.output / REJECTS} says why"
    if failed == len(images):
        raise UserError(f"none of the {failed} images could be mapped; {why}")
    log = logging.getLogger(__name__)
    if failed:
        log.warning("%d of %d images could not be mapped; %s", failed, len(images), why)
    log.info("%d images with %d maps each: %s", len(images) - failed, len(mapper.names), options.output / TABLE)
    return 0


def _entries(text: str) -> list[str]:
    """The distinct entries of a list with commas."""
    return list(dict.fromkeys(entry.strip() for entry in text.split(",") if entry.strip()))


def _free_texts(options: Options, bundle: Bundle) -> FreeTexts | None:
    if not options.text:
        return None
    from pretraining.maps.zero_shot import embed_free_texts
    from pretraining.text.pretrained import load_text_encoder
    from pretraining.training.config import TextConfig
    from pretraining.training.export import exported_text_encoder

    if options.run:
        encoder = exported_text_encoder(options.run, bundle.info.text_encoder["hash"])
    else:
        encoder = load_text_encoder(options.text_encoder, TextConfig().max_tokens)
    return embed_free_texts(bundle, _entries(options.text), encoder, str(options.run or options.text_encoder))
