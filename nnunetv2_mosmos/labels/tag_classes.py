"""Which classes of nnU-Net's targets belong to each tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nnunetv2_mosmos.labels.tags import foreground_labels


@dataclass(frozen=True)
class TagClasses:
    """The classes of each tag; several labels may share one.

    Attributes:
        values: for each tag, the label values in a segmentation that belong to it.
        channels: for each tag, the channels of nnU-Net's region targets that belong to it; None where the dataset has
            labels and no regions, because its targets then hold label values.
        ignore_value: the value of voxels that nobody has labelled, if the dataset has such voxels. Region targets mark
            them in a last channel of their own.
    """

    values: tuple[tuple[int, ...], ...]
    channels: tuple[tuple[int, ...], ...] | None
    ignore_value: int | None

    @property
    def has_regions(self) -> bool:
        """Whether nnU-Net's targets are region channels."""
        return self.channels is not None


def tag_classes(
    tags: Sequence[str], label_tags: Mapping[str, str | None], labels: Mapping[str, Any], has_regions: bool
) -> TagClasses:
    """Collect the classes of each tag.

    Args:
        tags: in the order of the network's maps.
        label_tags: tag by label.
        labels: `dataset.json`'s `labels`.
        has_regions: whether nnU-Net trains regions.
    """
    names = foreground_labels(labels)
    values = tuple(
        tuple(sorted({value for name, entry in names.items() if label_tags.get(name) == tag for value in entry}))
        for tag in tags
    )
    channels = tuple(
        tuple(channel for channel, name in enumerate(names) if label_tags.get(name) == tag) for tag in tags
    )
    return TagClasses(values, channels if has_regions else None, labels.get("ignore"))
