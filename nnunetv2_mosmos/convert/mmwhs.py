"""MM-WHS 2017: CT and MR of the whole heart with 7 substructures (Zhuang and Shen, Medical Image Analysis 2016)."""

from __future__ import annotations

from pathlib import Path

from nnunetv2_mosmos.convert.source import (
    CHANNELS,
    Case,
    Dataset,
    Modality,
    Source,
    find_below,
    identifiers,
    titled,
    volume,
)

STRUCTURES = {
    "left ventricle blood cavity": 500,
    "right ventricle blood cavity": 600,
    "left atrium blood cavity": 420,
    "right atrium blood cavity": 550,
    "myocardium of the left ventricle": 205,
    "ascending aorta": 820,
    "pulmonary artery": 850,
}


def read(folder: Path, modality: Modality) -> Source:
    """Find `ct_train`, `mr_train` or both and, where they were downloaded, `ct_test` and `mr_test`.

    Args:
        folder: holds them, at most two folders deeper.
        modality: which of them.

    Raises:
        UserError: there is no such folder.
    """
    training: list[Case] = []
    test: list[Case] = []
    for prefix in ("ct", "mr") if modality == "both" else (modality,):
        labelled = find_below(folder, f"{prefix}_train")
        training += [
            Case(name, (volume(labelled, f"{name}_image"),), volume(labelled, f"{name}_label"))
            for name in sorted(_names(labelled, "_image") | _names(labelled, "_label"))
        ]
        unlabelled = labelled.with_name(f"{prefix}_test")
        test += [Case(name, (volume(unlabelled, f"{name}_image"),)) for name in sorted(_names(unlabelled, "_image"))]
    return Source(
        title=titled("MMWHS2017", modality),
        channels=(CHANNELS[modality],),
        labels={"background": 0, **{name: number for number, name in enumerate(STRUCTURES, start=1)}},
        values={0: 0, **{value: number for number, value in enumerate(STRUCTURES.values(), start=1)}},
        # One published MR label holds a few voxels of 421 within the left atrium.
        slips={421: 420},
        reference="https://zmiclab.github.io/zxh/0/mmwhs/",
        training=tuple(training),
        test=tuple(test),
    )


def _names(folder: Path, ending: str) -> set[str]:
    """`ct_train_1001` and so on."""
    return {f"{folder.name}_{number}" for number in identifiers(folder, f"{folder.name}_", ending)}


MMWHS = Dataset(("ct", "mr", "both"), read)
