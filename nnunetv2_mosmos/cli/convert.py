"""`nnUNetv2_mosmos_convert`: makes an nnU-Net raw dataset of a public dataset as it is distributed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from nnunetv2_mosmos.cli.command import run_command
from nnunetv2_mosmos.convert.datasets import Name, read_source
from nnunetv2_mosmos.convert.source import Modality, Source

if TYPE_CHECKING:
    from nnunetv2_mosmos.convert.write import Conversion

PROGRAM = "nnUNetv2_mosmos_convert"


@dataclass
class Options:
    """Convert a public dataset, as downloaded and unpacked, to an nnU-Net raw dataset."""

    name: tyro.conf.Positional[Name]
    """BTCV, AMOS22, MM-WHS 2017, or BraTS (2018 to 2021, or 2023)."""
    input: Annotated[Path, tyro.conf.arg(aliases=["-i"])]
    """Folder of the unpacked download."""
    dataset_id: Annotated[int, tyro.conf.arg(aliases=["-d"])]
    """Number of the new dataset, 1 to 999."""
    modality: Modality | None = None
    """Which images, of AMOS22 (ct is its task 1, both its task 2) and MM-WHS."""
    link: bool = False
    """Link to the downloaded files instead of copying them. Labels that get new values, and *.nii, are written."""


def run(options: Options) -> list[str]:
    """Convert.

    Args:
        options: what the user gave.

    Returns:
        Lines to print.

    Raises:
        UserError: no such download, a number that is taken, or files that cannot be what they should.
    """
    from nnunetv2_mosmos.attach.dataset import free_raw_folder
    from nnunetv2_mosmos.convert.write import convert

    raw = free_raw_folder(options.dataset_id, "--dataset-id")
    source = read_source(options.name, options.input, options.modality)
    conversion = convert(source, raw / f"Dataset{options.dataset_id:03d}_{source.title}", options.link)
    return [*_summary(conversion), *_next_commands(options.dataset_id, source)]


def _summary(conversion: Conversion) -> list[str]:
    folder = conversion.folder
    lines = [f"{folder.name}: {conversion.training} training cases, {conversion.test} test cases ({folder})"]
    lines += [f"  {name}: a known slip in its label was mended" for name in conversion.slips]
    if conversion.rejects:
        lines.append(f"WARNING: {len(conversion.rejects)} left out, listed in {folder / 'rejects.csv'}:")
        lines += [f"  {name}: {reason}" for name, reason in conversion.rejects]
    return lines


def _next_commands(number: int, source: Source) -> list[str]:
    from nnunetv2_mosmos.labels.tags import resolve_label_tags, sided_labels
    from pretraining.tags.vocabulary import load_vocabulary

    vocabulary = load_vocabulary()
    sided = sided_labels(resolve_label_tags(source.labels, vocabulary, vocabulary.ids), vocabulary)
    trainer = "nnUNetTrainerMOSMOS_onlyMirror01" if sided else "nnUNetTrainerMOSMOS"
    return [
        "next:",
        f"  nnUNetv2_plan_and_preprocess -d {number} --verify_dataset_integrity",
        f"  nnUNetv2_mosmos_attach -d {number} -b BUNDLE",
        f"  nnUNetv2_train {number} 3d_fullres 0 -tr {trainer}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; see `run_command`."""
    return run_command(PROGRAM, Options, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
