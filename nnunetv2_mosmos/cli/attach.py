"""`nnUNetv2_mosmos_attach`: binds a bundle to a dataset and shows what that means for each of its configurations."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from nnunetv2_mosmos.cli.command import label_tags_of, run_command
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
    """Attach, and train, although less than 10 % of the encoder's parameters can be filled from the bundle."""
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
    from nnunetv2_mosmos.attach.dataset import preprocessed_folder, read_dataset_json
    from nnunetv2_mosmos.attach.report import label_lines, untagged
    from nnunetv2_mosmos.labels.tags import resolve_label_tags
    from pretraining.bundle.bundle import read_bundle

    folder = preprocessed_folder(options.dataset)
    dataset_json = read_dataset_json(folder)
    bundle = read_bundle(options.bundle.resolve())
    vocabulary = bundle.vocabulary
    label_tags = resolve_label_tags(dataset_json["labels"], vocabulary, bundle.tag_ids, label_tags_of(options.map))
    without = untagged(label_tags)
    if without and not options.allow_untagged:
        raise UserError(
            f"no tag of the bundle fits {'the label' if len(without) == 1 else 'the labels'} {', '.join(without)}: "
            "name one with --map LABEL=TAG, or accept that they get no map with --allow-untagged"
        )
    lines = [f"{folder.name}: labels"] + [f"  {line}" for line in label_lines(label_tags, bundle, vocabulary)]
    lines += _configurations(folder, dataset_json, bundle, label_tags, options)
    attachment = Attachment(
        bundle.path, bundle.info.weights_sha256, label_tags, inflation=options.inflation, force=options.force
    )
    file = write_attachment(folder, attachment)
    return [*lines, f"attached the bundle '{bundle.path.name}' to {folder.name} ({file})"]


def _configurations(
    folder: Path, dataset_json: dict[str, Any], bundle: Any, label_tags: Mapping[str, str | None], options: Options
) -> list[str]:
    """What transfers into each configuration; refuses where nothing does anywhere."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    from nnunetv2_mosmos.attach.binding import bind
    from nnunetv2_mosmos.attach.checks import check_share, family_of
    from nnunetv2_mosmos.attach.report import configuration_lines
    from nnunetv2_mosmos.labels.tags import lateral_lines, tags_of
    from nnunetv2_mosmos.networks.planned import is_unet
    from nnunetv2_mosmos.settings import Recipe

    family = family_of(bundle)
    file = folder / f"{options.plans}.json"
    if not file.is_file():
        return [
            *lateral_lines(label_tags, bundle.vocabulary, [family]),
            f"{folder.name} has no {file.name} yet: plan and preprocess it, then run this again "
            "to see which weights transfer",
        ]
    plans = PlansManager(str(file))
    # A network of another make takes maps at its input, and nothing else.
    networks = {
        name: family if is_unet(plans.get_configuration(name)) else "any" for name in plans.available_configurations
    }
    lines = lateral_lines(label_tags, bundle.vocabulary, networks.values())
    lines += _orientation(plans, folder, dataset_json)
    shares: dict[str, float] = {}
    refusals: list[UserError] = []
    for name, network in networks.items():
        recipe = Recipe(network=network, maps=network == "any" or bool(tags_of(label_tags)))
        try:
            binding = bind(bundle, plans, name, dataset_json, label_tags, recipe, options.inflation)
        except UserError as error:
            refusals.append(error)
            lines.append(f"{name}: cannot be trained: {error}")
            continue
        shares[name] = binding.encoder.table.share
        lines += configuration_lines(name, binding, options.verbose)
    if not shares:
        raise refusals[0]
    best = max(shares, key=lambda name: shares[name])
    check_share(shares[best], best, options.force)
    return lines


def _orientation(plans: Any, folder: Path, dataset_json: dict[str, Any]) -> list[str]:
    """How a sample of the dataset lies, as nnU-Net's own reader and plans bring it to the network."""
    from nnunetv2_mosmos.attach.dataset import sample_files
    from nnunetv2_mosmos.attach.orientation import axis_codes, orientation_lines

    sample = sample_files(folder, dataset_json)
    if sample is None:
        return [f"orientation: not examined, because nnUNet_raw has no images of {folder.name}"]
    _, properties = plans.image_reader_writer_class().read_images(sample)
    return orientation_lines(axis_codes(properties, plans.transpose_forward))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; see `run_command`."""
    return run_command(PROGRAM, Options, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
