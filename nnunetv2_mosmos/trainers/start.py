"""Decides, before nnU-Net's own set-up, which MOSMOS settings a training has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from batchgenerators.utilities.file_and_folder_operations import load_json
from nnunetv2.paths import nnUNet_preprocessed, nnUNet_results
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_mosmos.attach.attachment import Attachment, attach_command, bound_bundle, changed_labels
from nnunetv2_mosmos.attach.binding import Binding, bind
from nnunetv2_mosmos.attach.checks import check_share
from nnunetv2_mosmos.labels.tags import LabelTags, resolve_label_tags
from nnunetv2_mosmos.settings import KEY, MosmosSettings, Recipe, settings_of
from pretraining.bundle.bundle import Bundle
from pretraining.errors import UserError


@dataclass(frozen=True)
class FreshStart:
    """What a training that starts anew takes from a bundle.

    Attributes:
        bundle: read and checked.
        binding: its share in the network.
        notes: what the user should read.
    """

    bundle: Bundle
    binding: Binding
    notes: tuple[str, ...]


def stored_settings(plans: Mapping[str, Any], configuration: str, trainer: str) -> MosmosSettings | None:
    """The settings of the folds that this trainer has trained already.

    Folds share one `plans.json`. It counts once a fold has written a checkpoint; what a run left that stopped before
    its first checkpoint does not bind anybody.

    Args:
        plans: nnU-Net's plans.
        configuration: its name.
        trainer: name of the trainer class.

    Returns:
        The settings in the results folder's `plans.json`, or None.
    """
    if not nnUNet_results.is_set():
        return None
    folder = Path(nnUNet_results) / plans["dataset_name"] / f"{trainer}__{plans['plans_name']}__{configuration}"
    file = folder / "plans.json"
    if not file.is_file() or next(folder.glob("fold_*/checkpoint_*.pth"), None) is None:
        return None
    stored = load_json(str(file))
    return settings_of(stored) if KEY in stored else None


def fresh_start(
    plans: dict[str, Any],
    configuration: str,
    dataset_json: Mapping[str, Any],
    recipe: Recipe,
    trainer: str,
    device: torch.device,
) -> FreshStart:
    """Bind the dataset's bundle to a configuration.

    Args:
        plans: nnU-Net's plans.
        configuration: its name.
        dataset_json: the dataset's `dataset.json`.
        recipe: what the trainer wants.
        trainer: name of the trainer class.
        device: where the training runs.

    Raises:
        UserError: there is no bundle, or it does not fit, or it was attached to other labels.
    """
    folder = Path(nnUNet_preprocessed) / plans["dataset_name"]
    bound = bound_bundle(folder, trainer)
    attachment, notes = bound.attachment, list(bound.notes)
    label_tags: LabelTags
    if attachment is not None:
        _check_labels(attachment, dataset_json["labels"], plans["dataset_name"])
        label_tags = {name: tag if tag in bound.bundle.tag_ids else None for name, tag in attachment.label_tags.items()}
    else:
        label_tags = resolve_label_tags(dataset_json["labels"], bound.bundle.vocabulary, bound.bundle.tag_ids)
    inflation = attachment.inflation if attachment else "centre"
    binding = bind(
        bound.bundle, PlansManager(plans), configuration, dataset_json, label_tags, recipe, inflation, device
    )
    if recipe.encoder:
        check_share(binding.encoder.table.share, configuration, attachment is not None and attachment.force)
    if recipe.maps:
        notes += [f"label '{name}' has no tag: it gets no map" for name, tag in label_tags.items() if tag is None]
    return FreshStart(bound.bundle, binding, (*notes, *binding.notes))


def _check_labels(attachment: Attachment, labels: Mapping[str, Any], dataset: str) -> None:
    if changed := changed_labels(attachment, labels):
        raise UserError(
            f"the labels of {dataset} have changed since a bundle was attached to it ({', '.join(changed)}): attach it "
            f"again, `{attach_command(dataset, attachment, labels)}`"
        )


def check_same_settings(stored: MosmosSettings, fresh: MosmosSettings, trainer: str) -> None:
    """Refuse a fold that would differ from those already trained.

    Raises:
        UserError: another bundle, other tags, or kernels that became 3D in another way.
    """
    hashes = [reference.sha256 if reference else None for reference in (stored.bundle, fresh.bundle)]
    if hashes[0] != hashes[1]:
        names = [reference.name if reference else "none" for reference in (stored.bundle, fresh.bundle)]
        raise UserError(
            f"the folds that {trainer} has trained here started from the bundle '{names[0]}', this one would start "
            f"from '{names[1]}': attach the first again, or move the results folder away"
        )
    if stored.label_tags != fresh.label_tags or stored.maps != fresh.maps or stored.input_affine != fresh.input_affine:
        raise UserError(
            f"the folds that {trainer} has trained here have other tags or another normalization "
            f"({stored.label_tags}) than this one would have ({fresh.label_tags}): attach with the same --map, or move "
            "the results folder away"
        )
    if stored.inflation not in (None, fresh.inflation):
        raise UserError(
            f"the folds that {trainer} has trained here made 3D kernels with --inflation {stored.inflation}, this one "
            f"would with {fresh.inflation}: attach with the first, or move the results folder away"
        )
