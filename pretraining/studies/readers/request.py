"""What a reader is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pretraining.studies.columns import Columns
from pretraining.studies.records import Record, Reject


@dataclass(frozen=True)
class ReadRequest:
    """Where the studies are and how to read them.

    Attributes:
        input: a table, or the top folder of a corpus.
        image_root: where image paths start; the folder of `input` when omitted.
        mask_root: where mask paths start; for a folder of images, the folder with their masks, at the same paths or
            under names of their own.
        columns: columns chosen by option; the rest is guessed.
        images_only: studies need no report.
        pattern: for a folder of images, which files to take (a glob on the path below `input`).
        needs_images: False for a table of reports whose images are found by other means.
    """

    input: Path
    image_root: Path | None = None
    mask_root: Path | None = None
    columns: Columns = field(default_factory=Columns)
    images_only: bool = False
    pattern: str = "*"
    needs_images: bool = True

    @property
    def root(self) -> Path:
        """Where image paths start."""
        if self.image_root is not None:
            return self.image_root
        return self.input if self.input.is_dir() else self.input.parent


class Reader(Protocol):
    """A reader: yields every entry of the input, as a record or as a reject with its reason."""

    def __call__(self, request: ReadRequest) -> Iterable[Record | Reject]:
        """Read the input.

        Raises:
            UserError: the input as a whole is not of this format.
        """
        ...
