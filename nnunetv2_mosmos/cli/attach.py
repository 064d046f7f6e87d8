"""`nnUNetv2_mosmos_attach`: binds a bundle to a dataset and shows what that means for each of its configurations."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from pretraining.errors import UserError

PROGRAM = "nnUNetv2_mosmos_attach"


@dataclass
class Options:
    """Bind a pretrained bundle to an nnU-Net dataset."""

    dataset: Annotated[str, tyro.conf.arg(aliases=["-d"])]
    """Dataset number or name, as nnU-Net takes it."""
    bundle: Annotated[Path, tyro.conf.arg(aliases=["-b"])]
    """Folder that `mosmos_pretrain export` wrote."""
    map: Annotated[list[str], tyro.conf.UseAppendAction] = field(default_factory=list)
    """LABEL=TAG: the tag of a label whose name does not tell it. May be given several times."""
    allow_untagged: bool = False
    """Attach although labels have no tag; they get no map."""
    force: bool = False
    """Attach, and train, although little of the network can be filled from the bundle."""
    plans: Annotated[str, tyro.conf.arg(aliases=["-p"])] = "nnUNetPlans"
    """Plans whose configurations are shown."""
    inflation: Literal["centre", "mean"] = "centre"
    """How 2D kernels become 3D: into the middle slice, or spread over all."""
    verbose: bool = False
    """Show what became of every tensor."""


def run(options: Options) -> list[str]:
    """Attach.

    Args:
        options: what the user gave.

    Returns:
        Lines to print.

    Raises:
        UserError: no such dataset, no such bundle, labels without tags, or nothing that fits.
    """
    from nnunetv2_mosmos.attach.attachment import Attachment, write_attachment
    from nnunetv2_mosmos.attach.report import label_lines, untagged
    from nnunetv2_mosmos.labels.tags import lateral_warning, resolve_label_tags
    from pretraining.bundle.bundle import read_bundle

    folder = _preprocessed_folder(options.dataset)
    dataset_json = _dataset_json(folder)
    bundle = read_bundle(options.bundle.resolve())
    vocabulary = bundle.vocabulary
    label_tags = resolve_label_tags(dataset_json["labels"], vocabulary, bundle.tag_ids, _overrides(options.map))
    without = untagged(label_tags)
    if without and not options.allow_untagged:
        raise UserError(
            f"no tag of the bundle fits {'the label' if len(without) == 1 else 'the labels'} {', '.join(without)}: "
            "name one with --map LABEL=TAG, or accept that they get no map with --allow-untagged"
        )
    lines = [f"{folder.name}: labels"] + [f"  {line}" for line in label_lines(label_tags, bundle, vocabulary)]
    warning = lateral_warning(label_tags, vocabulary)
    lines += [warning] if warning else []
    lines += _configurations(folder, dataset_json, bundle, label_tags, options)
    attachment = Attachment(
        bundle.path, bundle.info.weights_sha256, label_tags, inflation=options.inflation, force=options.force
    )
    file = write_attachment(folder, attachment)
    return [*lines, f"attached the bundle '{bundle.path.name}' to {folder.name} ({file})"]


def _configurations(
    folder: Path, dataset_json: Mapping[str, Any], bundle: Any, label_tags: Mapping[str, str | None], options: Options
) -> list[str]:
    """What transfers into each configuration; refuses where nothing does anywhere."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from nnunetv2_mosmos.attach.binding import bind, check_share
    from nnunetv2_mosmos.attach.report import configuration_lines
    from nnunetv2_mosmos.labels.tags import tags_of
    from nnunetv2_mosmos.settings import Recipe

    file = folder / f"{options.plans}.json"
    if not file.is_file():
        return [
            f"{folder.name} has no {file.name} yet: plan and preprocess it, then run this again "
            "to see which weights transfer"
        ]
    plans = PlansManager(str(file))
    network = "unetr" if bundle.info.encoder.kind == "vit" else "unet"
    recipe = Recipe(network=network, maps=bool(tags_of(label_tags)))
    lines: list[str] = []
    shares: dict[str, float] = {}
    for name in plans.available_configurations:
        binding = bind(bundle, plans, name, dataset_json, label_tags, recipe, options.inflation)
        shares[name] = binding.encoder.table.share
        lines += configuration_lines(name, binding, options.verbose)
    best = max(shares, key=lambda name: shares[name])
    check_share(shares[best], best, options.force)
    return lines


def _preprocessed_folder(dataset: str) -> Path:
    from nnunetv2.paths import nnUNet_preprocessed
    from nnunetv2.utilities.dataset_name_id_conversion import maybe_convert_to_dataset_name

    if not nnUNet_preprocessed.is_set():
        raise UserError("the environment variable nnUNet_preprocessed is not set: set nnU-Net's three folders first")
    try:
        return Path(nnUNet_preprocessed) / maybe_convert_to_dataset_name(dataset)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"no dataset '{dataset}' in nnUNet_raw or nnUNet_preprocessed, or several: give its number or its whole "
            "name (Dataset004_Name)"
        ) from error


def _dataset_json(folder: Path) -> dict[str, Any]:
    from nnunetv2.paths import nnUNet_raw

    candidates = [folder / "dataset.json"]
    if nnUNet_raw.is_set():
        candidates.append(Path(nnUNet_raw) / folder.name / "dataset.json")
    for file in candidates:
        if file.is_file():
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return content
    raise UserError(
        f"{folder.name} has no dataset.json, neither in nnUNet_raw nor in nnUNet_preprocessed: write it first"
    )


def _overrides(pairs: Sequence[str]) -> dict[str, str]:
    overrides = {}
    for pair in pairs:
        label, separator, tag = pair.rpartition("=")
        if not separator or not label or not tag:
            raise UserError(
                f"--map {pair}: write --map LABEL=TAG, for example --map 'left ventricle=heart_ventricle_left'"
            )
        overrides[label] = tag
    return overrides


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: the words after the command; `sys.argv` when omitted.

    Returns:
        0, or 1 for a user's mistake.
    """
    options = tyro.cli(Options, prog=PROGRAM, args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    try:
        for line in run(options):
            print(line)
    except UserError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
