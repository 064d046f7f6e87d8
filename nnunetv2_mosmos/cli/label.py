"""`nnUNetv2_mosmos_label`: has a trained model label the images of reports, where the reports agree with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from nnunetv2_mosmos.cli.command import label_tags_of, run_command
from pretraining.errors import UserError

if TYPE_CHECKING:
    from nnunetv2_mosmos.attach.attachment import Attachment
    from nnunetv2_mosmos.selftraining.label_images import Labelling
    from pretraining.tags.vocabulary import Vocabulary

PROGRAM = "nnUNetv2_mosmos_label"
SHOWN_REASONS = 8


@dataclass
class Options:
    """Let a trained model label images that have reports, and keep what the reports do not contradict.

    Writes a raw dataset to pretrain the same network on, and says how.
    """

    dataset: Annotated[str, tyro.conf.arg(aliases=["-d"])]
    """Dataset that the model was trained on: number or name, as nnU-Net takes it."""
    configuration: Annotated[str, tyro.conf.arg(aliases=["-c"])]
    """Configuration of the model."""
    folds: Annotated[list[str], tyro.conf.arg(aliases=["-f"])]
    """Whose networks label, averaged. The validation cases of a fold are only held out for a training that starts from
    labels of this fold alone."""
    data: Path
    """Folder that `mosmos_pretrain prepare` wrote."""
    new_dataset: int
    """Number of the new dataset, 1 to 999."""
    trainer: Annotated[str, tyro.conf.arg(aliases=["-tr"])] = "nnUNetTrainerMOSMOS"
    """Trainer of the model."""
    plans: Annotated[str, tyro.conf.arg(aliases=["-p"])] = "nnUNetPlans"
    """Plans of the model."""
    checkpoint: Annotated[str, tyro.conf.arg(aliases=["-chk"])] = "checkpoint_final.pth"
    """Checkpoint of the model."""
    splits: tuple[Literal["train", "val", "test"], ...] = ("train",)
    """Whose studies are labelled."""
    map: Annotated[list[str], tyro.conf.UseAppendAction] = field(default_factory=list)
    """LABEL=TAG: the tag of a label whose name does not tell it. May be given several times. Where the dataset is
    attached, labels have the tags that they were attached with."""
    regions: tuple[str, ...] = ()
    """Body regions of which a report must cover one. Those that the labels share when omitted."""
    check: Literal["findings", "report", "regions", "nothing"] = "report"
    """What of a report counts: that it names and denies organs and lesions (`report`), and also that it is silent on a
    lesion, which is then absent (`findings`); the regions that it covers; or nothing."""
    missing: int = 0
    """How many labels that its report names may be missing from an image's segmentation. More leave the image out."""
    workers: int = 3
    """Threads that read, resample and write images while the network is at another. Each holds an image's
    probabilities; 0 does one image after another."""
    device: Annotated[str, tyro.conf.arg(aliases=("-device",))] = "auto"
    """Device to segment on (cuda, cpu, mps); `auto` takes a GPU where there is one."""


def run(options: Options) -> list[str]:
    """Label.

    Args:
        options: what the user gave.

    Returns:
        Lines to print.

    Raises:
        UserError: no such dataset, model or prepared folder, a number that is taken, options that do nothing together,
            fewer workers than none, or no study or image left.
    """
    _refuse_idle(options)
    if options.workers < 0:
        raise UserError(f"--workers is {options.workers}; give the number of threads, or 0 for one image after another")
    from nnunetv2_mosmos.attach.attachment import read_attachment
    from nnunetv2_mosmos.attach.dataset import free_raw_folder, preprocessed_folder, read_dataset_json, sample_files
    from nnunetv2_mosmos.labels.tags import resolve_label_tags
    from nnunetv2_mosmos.selftraining.agreement import ReportCheck
    from nnunetv2_mosmos.selftraining.label_images import label_images
    from nnunetv2_mosmos.selftraining.network import Network
    from pretraining.bundle.bundle import file_sha256
    from pretraining.data.corpus import read_vocabulary
    from pretraining.device import choose_device
    from pretraining.studies.manifest import MANIFEST_NAME, read_manifest

    source = preprocessed_folder(options.dataset)
    folder = free_raw_folder(options.new_dataset, "--new-dataset") / _name(options.new_dataset, source.name)
    vocabulary = read_vocabulary(options.data)
    dataset_json = read_dataset_json(source)
    labels = dataset_json["labels"]
    attachment = read_attachment(source)
    overrides = _attached_tags(attachment, labels, vocabulary) | label_tags_of(options.map)
    label_tags = resolve_label_tags(labels, vocabulary, vocabulary.ids, overrides, "vocabulary")
    check = ReportCheck(label_tags, vocabulary, options.regions, options.check, options.missing)
    every = read_manifest(options.data)
    studies = [study for study in every if study.split in options.splits]
    if not studies:
        found = " ".join(sorted({study.split for study in every}))
        raise UserError(f"{options.data} has no study in --splits {' '.join(options.splits)}; it has some in: {found}")
    folds = [int(fold) if fold.isdecimal() else fold for fold in options.folds]
    device = choose_device(options.device)
    model = _model(options, source.name)
    sample = sample_files(source, dataset_json)
    if sample is None:
        raise UserError(f"nnUNet_raw has no images of {source.name}: they tell how its images lie; put them back")
    network = Network.of_model(model, folds, options.checkpoint, sample, device)
    origin = {
        "model": model.name,
        "dataset": source.name,
        "folds": folds,
        "checkpoint": options.checkpoint,
        "checkpoints_sha256": [file_sha256(model / f"fold_{fold}" / options.checkpoint) for fold in folds],
        "studies_sha256": file_sha256(options.data / MANIFEST_NAME),
        "splits": options.splits,
        "check": options.check,
        "label_tags": label_tags,
    }
    labelling = label_images(network, options.data, studies, check, folder, origin, options.workers)
    return [
        *_summary(labelling, folder, label_tags, options.check),
        *_next_commands(options, source.name, folder.name, folds[0], attachment),
    ]


def _name(number: int, source: str) -> str:
    return f"Dataset{number:03d}_{source.partition('_')[2]}FromReports"


def _model(options: Options, dataset: str) -> Path:
    from nnunetv2.paths import nnUNet_results

    if not nnUNet_results.is_set():
        raise UserError("the environment variable nnUNet_results is not set: set nnU-Net's three folders first")
    return Path(nnUNet_results) / dataset / f"{options.trainer}__{options.plans}__{options.configuration}"


def _refuse_idle(options: Options) -> None:
    """Refuse options that what counts of a report leaves without effect."""
    check = options.check
    if check == "nothing" and options.regions:
        raise UserError(
            "--regions tells what reports must cover, and --check nothing reads none; leave one of them out"
        )
    if check in ("nothing", "regions") and options.missing:
        raise UserError(
            f"--missing counts labels that reports name, and --check {check} does not read them; leave --missing out, "
            "or give --check report or findings"
        )


def _attached_tags(attachment: Attachment | None, labels: Mapping[str, Any], vocabulary: Vocabulary) -> dict[str, str]:
    """The tags of a dataset's labels that its attachment has and the vocabulary knows."""
    tags = {} if attachment is None else attachment.label_tags
    return {label: tag for label, tag in tags.items() if tag is not None and tag in vocabulary and label in labels}


def _summary(labelling: Labelling, folder: Path, label_tags: Mapping[str, str | None], check: str) -> list[str]:
    lines = [f"{folder.name}: {len(labelling.cases)} images labelled ({folder})"]
    width = max(map(len, label_tags))
    named, found, barred = (labelling.by_label(what) for what in ("named", "found", "barred"))
    for label in label_tags:
        if named[label] or barred[label]:
            lines.append(
                f"  {label:<{width}}  named by {named[label]} reports, found in {found[label]} of them; ruled out in "
                f"{barred[label]}"
            )
    unchecked = [label for label, tag in label_tags.items() if tag is None]
    if unchecked and check in ("findings", "report"):
        lines.append(f"not checked, for no tag is known of it: {', '.join(unchecked)}; give --map LABEL=TAG")
    if reasons := labelling.reasons:
        lines.append(f"{reasons.total()} images left out, listed in {folder / 'rejects.csv'}; most often:")
        lines += [f"  {count:>6}  {reason}" for reason, count in reasons.most_common(SHOWN_REASONS)]
    return lines


def _next_commands(
    options: Options, source: str, target: str, fold: int | str, attachment: Attachment | None
) -> list[str]:
    """From the new dataset `target` to a finetuned fold of `source`."""
    from nnunetv2_mosmos.attach.attachment import attach_command

    new, old, plans = options.new_dataset, options.dataset, options.plans
    train = f"-tr {options.trainer} -p {plans}"
    model = f"{options.trainer}__{plans}__{options.configuration}"
    teacher = f"$nnUNet_results/{source}/{model}"
    return [
        "next:",
        f"  nnUNetv2_plan_and_preprocess -d {new} --no_pp",
        f"  nnUNetv2_move_plans_between_datasets -s {old} -t {new} -sp {plans} -tp {plans}",
        f"  nnUNetv2_preprocess -d {new} -c {options.configuration} -plans_name {plans}",
        *([] if attachment is None else [f"  {attach_command(str(new), attachment)} -p {plans}"]),
        f"  nnUNetv2_train {new} {options.configuration} all {train}",
        "  # The finetuned network gets the teacher's place, and --c must not find the teacher there:",
        f'  mv "{teacher}/fold_{fold}" "{teacher}/teacher_fold_{fold}"',
        f"  nnUNetv2_train {old} {options.configuration} {fold} {train} "
        f'-pretrained_weights "$nnUNet_results/{target}/{model}/fold_all/checkpoint_final.pth"',
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; see `run_command`."""
    return run_command(PROGRAM, Options, run, arguments)


if __name__ == "__main__":
    sys.exit(main())
