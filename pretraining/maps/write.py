"""Writes the maps of image files: NIfTI a tag, a picture an image, a table for all."""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from pretraining.errors import UserError
from pretraining.maps.geometry import PlacedImage
from pretraining.maps.mapper import AttentionMapper
from pretraining.maps.overlay import draw_overlays

LOG = logging.getLogger(__name__)
TABLE = "maps.csv"
COLUMNS = ("image", "tag", "probability", "recognized", "file")


def plain_stem(path: Path) -> str:
    """A file's name without its ending, `.nii.gz` being one."""
    name = path.name
    return name.removesuffix(".gz").rsplit(".", 1)[0] if "." in name else name


def write_maps(mapper: AttentionMapper, inputs: Sequence[Path], output: Path) -> list[str]:
    """Map every image into a folder of its own below `output`.

    Each gets `TAG.nii.gz` a tag, in the image's geometry, and `overlay.png`; `maps.csv` lists every map with the
    probability that the tag is in the image.

    Args:
        mapper: the bundle's network.
        inputs: image files.
        output: the folder to write into.

    Returns:
        One sentence for every image that could not be mapped; the others are written all the same.
    """
    names = [plain_stem(path) for path in inputs]
    output.mkdir(parents=True, exist_ok=True)
    failures = []
    with (output / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for path, name in zip(tqdm(inputs, unit="image", desc="maps"), names, strict=True):
            # Two files of one name in different folders must not overwrite each other.
            folder = output / (name if names.count(name) == 1 else f"{path.parent.name}_{name}")
            try:
                writer.writerows(_write_one(mapper, path, folder))
            except UserError as error:
                LOG.warning("%s", error)
                failures.append(str(error))
    return failures


def _write_one(mapper: AttentionMapper, path: Path, folder: Path) -> list[tuple[str, str, str, str, str]]:
    placed = PlacedImage(path)
    found = mapper(placed.array, placed.spacing)
    folder.mkdir(parents=True, exist_ok=True)
    rows, titles = [], []
    for tag, values, probability in zip(mapper.tags, found.maps, found.probability, strict=True):
        recognized = bool(probability >= 0.5)
        placed.write(values, folder / f"{tag}.nii.gz")
        rows.append(
            (str(path), tag, f"{probability:.4f}", "yes" if recognized else "no", f"{folder.name}/{tag}.nii.gz")
        )
        titles.append(f"{tag}\n{probability:.2f}" + ("" if recognized else " (not recognized)"))
    spacing = placed.spacing
    aspect = spacing[-2] / spacing[-1] if spacing else 1.0
    draw_overlays(placed.array[0], found.maps, titles, folder / "overlay.png", aspect)
    return rows
