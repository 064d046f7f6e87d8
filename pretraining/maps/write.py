"""Writes the maps of image files: NIfTI, a picture an image, a table for all."""

from __future__ import annotations

import csv
import itertools
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pretraining.errors import UserError
from pretraining.maps.geometry import PlacedImage
from pretraining.maps.mapper import AttentionMapper, ImageMaps
from pretraining.maps.overlay import draw_overlays, panel_of, window_of
from pretraining.studies.images.image import UnusableImageError
from pretraining.studies.images.load import load_images

LOG = logging.getLogger(__name__)
TABLE, REJECTS, STACK, SIDECAR, OVERLAY = "maps.csv", "rejects.csv", "maps.nii.gz", "maps.json", "overlay.png"


@dataclass(frozen=True)
class MapRow:
    """A line of `maps.csv`.

    Attributes:
        image: the file, or the folder of a DICOM series.
        tag: id of the tag, or the free text.
        kind: `trained` for a tag that training saw, `untrained` for another of the vocabulary, `zero-shot` for a text.
        probability: that the image shows it, as the recognition head says.
        recognized: `yes`, or `no` for a probability below the threshold.
        nearest: of a free text, the nearest tags with their cosines.
        file: below the output folder.
        volume: the map's place along the fourth axis of a stack, from 0; empty in a file of its own.
    """

    image: str
    tag: str
    kind: str
    probability: float
    recognized: str
    nearest: str
    file: str
    volume: int | str


@dataclass(frozen=True)
class MapWriter:
    """Writes maps as files.

    Attributes:
        mapper: the bundle's network.
        output: the folder to write into.
        stack: all maps of an image in one NIfTI file of four dimensions, instead of a file a tag.
        threshold: probabilities below it mean "not recognized".
    """

    mapper: AttentionMapper
    output: Path
    stack: bool = False
    threshold: float = 0.5

    def write(self, images: Mapping[Path, Path]) -> int:
        """Map every image; `maps.csv` lists all maps, `rejects.csv` what could not be mapped, with the reason.

        Args:
            images: image to its folder below the output.

        Returns:
            How many inputs could not be mapped at all.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        failed = 0
        with (
            (self.output / TABLE).open("w", newline="", encoding="utf-8") as maps,
            (self.output / REJECTS).open("w", newline="", encoding="utf-8") as rejects,
        ):
            table, rejected = csv.DictWriter(maps, list(MapRow.__annotations__)), csv.writer(rejects)
            table.writeheader()
            rejected.writerow(("image", "reason"))
            for path, name in tqdm(images.items(), unit="image", desc="maps"):
                mapped = False
                for entry in self._of_file(path, name):
                    if isinstance(entry, MapRow):
                        mapped = True
                        table.writerow(asdict(entry) | {"probability": f"{entry.probability:.4f}"})
                    else:
                        LOG.warning("%s cannot be mapped: %s", *entry)
                        rejected.writerow(entry)
                failed += not mapped
        return failed

    def _of_file(self, path: Path, name: Path) -> Iterator[MapRow | tuple[str, str]]:
        """Rows of the maps of a file or a DICOM folder; names and reasons of what has none."""
        try:
            sources = load_images(path)
        except UnusableImageError as error:
            yield str(path), str(error)
            return
        for number, source in enumerate(sources, start=1):
            yield from ((str(path / part), reason) for part, reason in source.left_out)
            try:
                placed = PlacedImage(source)
                found = self.mapper(placed.array, placed.spacing)
            except (UnusableImageError, UserError) as error:
                yield str(path), str(error)
                continue
            yield from self._of_image(path, placed, found, name / f"series_{number}" if len(sources) > 1 else name)

    def _of_image(self, path: Path, placed: PlacedImage, found: ImageMaps, name: Path) -> list[MapRow]:
        folder = self.output / name
        folder.mkdir(parents=True, exist_ok=True)
        rows, panels, kept = [], [], []
        stems = _file_stems(self.mapper)
        for index in range(len(self.mapper.names)):
            values = np.where(placed.seen, found.map(index), np.float32(np.nan))
            file = STACK if self.stack else f"{stems[index]}.nii.gz"
            row = self._row(path, index, float(found.probability[index]), (name / file).as_posix())
            rows.append(row)
            panels.append(panel_of(placed.array[0], values, _title(row), row.recognized == "yes"))
            if self.stack:
                kept.append(values)
            else:
                placed.write([values], folder / file)
        if self.stack:
            placed.write(kept, folder / STACK, stack=True)
            self._write_sidecar(rows, folder / SIDECAR)
        spacing = placed.spacing
        aspect = spacing[-2] / spacing[-1] if spacing else 1.0
        draw_overlays(panels, window_of(placed.array[0]), folder / OVERLAY, aspect)
        return rows

    def _row(self, path: Path, index: int, probability: float, file: str) -> MapRow:
        return MapRow(
            image=str(path),
            tag=self.mapper.names[index],
            kind=self.mapper.kinds[index],
            probability=probability,
            recognized="yes" if probability >= self.threshold else "no",
            nearest="; ".join(f"{tag} {cosine:.2f}" for tag, cosine in self.mapper.nearest[index]),
            file=file,
            volume=index if self.stack else "",
        )

    def _write_sidecar(self, rows: list[MapRow], path: Path) -> None:
        columns = ("tag", "kind", "probability", "recognized", "nearest")
        volumes = [{name: value for name, value in asdict(row).items() if name in columns} for row in rows]
        contents = {"threshold": self.threshold, "volumes": volumes}
        path.write_text(json.dumps(contents, indent=2, ensure_ascii=False), encoding="utf-8")


def _file_stems(mapper: AttentionMapper) -> list[str]:
    """The files' names: tags, or texts' words after a prefix that no tag has, with a number where one comes again."""
    stems: list[str] = []
    for name, kind in zip(mapper.names, mapper.kinds, strict=True):
        stem = name if kind != "zero-shot" else "text_" + re.sub(r"\W+", "_", name).strip("_")
        numbered = (f"{stem}_{number}" for number in itertools.count(2))
        stems.append(next(free for free in itertools.chain([stem], numbered) if free not in stems))
    return stems


def _title(row: MapRow) -> str:
    marks = [row.kind] * (row.kind != "trained") + ["not recognized"] * (row.recognized == "no")
    return f"{row.tag}\n{row.probability:.2f}" + (f" ({', '.join(marks)})" if marks else "")
