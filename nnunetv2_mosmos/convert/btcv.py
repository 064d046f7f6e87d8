"""BTCV: abdominal CT with 13 organs (MICCAI 2015 multi-atlas labeling beyond the cranial vault, Synapse syn3193805)."""

from __future__ import annotations

from pathlib import Path

from nnunetv2_mosmos.convert.source import CHANNELS, Case, Dataset, Modality, Source, find_below, identifiers, volume

ORGANS = (
    "spleen",
    "right kidney",
    "left kidney",
    "gallbladder",
    "esophagus",
    "liver",
    "stomach",
    "aorta",
    "inferior vena cava",
    "portal vein and splenic vein",
    "pancreas",
    "right adrenal gland",
    "left adrenal gland",
)


def read(folder: Path, modality: Modality) -> Source:
    """Find `RawData/Training/{img,label}` and, where it was downloaded, `RawData/Testing/img`.

    Args:
        folder: holds `Training`, directly or in `Abdomen/RawData`.
        modality: CT.

    Raises:
        UserError: there is no such folder.
    """
    images = find_below(folder, "Training/img")
    labels = images.parent / "label"
    training = sorted(identifiers(images, "img") | identifiers(labels, "label"))
    test = images.parents[1] / "Testing" / "img"
    return Source(
        title="BTCV",
        channels=(CHANNELS[modality],),
        labels={"background": 0, **{organ: value for value, organ in enumerate(ORGANS, start=1)}},
        values={value: value for value in range(len(ORGANS) + 1)},
        reference="https://www.synapse.org/Synapse:syn3193805",
        training=tuple(
            Case(f"img{number}", (volume(images, f"img{number}"),), volume(labels, f"label{number}"))
            for number in training
        ),
        test=tuple(
            Case(f"img{number}", (volume(test, f"img{number}"),)) for number in sorted(identifiers(test, "img"))
        ),
    )


BTCV = Dataset(("ct",), read)
