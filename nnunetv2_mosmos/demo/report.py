"""Writes the demo's page from what the run left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnunetv2_mosmos.demo import figures, verdicts
from nnunetv2_mosmos.demo.maps import MappedStudy, chosen_tags, map_studies, most_organs
from nnunetv2_mosmos.demo.page import Card, Found, Number, Row, Section, Tile, render_page, score_table, show
from nnunetv2_mosmos.demo.results import Results
from nnunetv2_mosmos.demo.scores import dataset_labels, mean_of, read_volume
from nnunetv2_mosmos.demo.settings import CONFIGURATIONS, CONTROLLED, LEAST_DICE, LEAST_PRECISION, Folders, Settings
from pretraining.data.corpus import read_vocabulary
from pretraining.evaluation.labels import read_labels
from pretraining.studies.arrays import read_array
from pretraining.studies.manifest import Study, read_manifest
from pretraining.tags.vocabulary import Vocabulary
from pretraining.training.journal import read_metrics

_PAIRS, _QUERIES, _PATIENTS, _ORGANS, _CASES = 4, 4, 3, 10, 3
_SHOWN_CHARACTERS = 320
_CURVE, _SLICE, _PREDICTION = 300, 92, 150
_HOUNSFIELD = (-160, 240)


def write_report(
    folders: Folders, settings: Settings, results: Results, commands: Sequence[str], seconds: float
) -> Path:
    """Write `report.html`; returns its path."""
    studies, vocabulary = read_manifest(folders.prepared), read_vocabulary(folders.prepared)
    sections = [
        pairs_section(folders.prepared, [study for study in studies if study.split == "train"], vocabulary),
        Section("How pretraining went", rows=[Row(pretraining_curves(read_metrics(folders.run)), _CURVE)]),
        retrieval_section(folders.prepared, {study.id: study for study in studies}, results.evaluation),
        maps_section(folders, results, [study for study in studies if study.split == "test"], vocabulary),
        Section("How finetuning went", rows=[Row(_finetuning_curves(folders, settings), _CURVE)]),
        dice_section(results, settings),
        _predictions_section(folders, settings),
        Section(
            "The commands",
            "As you would type them, with nnU-Net's three folders in the environment.",
            commands=commands,
        ),
    ]
    introduction = (
        "Synthetic bodies, not patients: this page shows that every step works together on this machine, not how the "
        "method does on real images. Every number and every sentence in a gray box comes from this run."
    )
    path = folders.root / "report.html"
    numbers = _numbers(settings, results, seconds)
    path.write_text(render_page("MOSMOS for nnU-Net: demo", introduction, numbers, sections), encoding="utf-8")
    return path


def _numbers(settings: Settings, results: Results, seconds: float) -> list[Number]:
    precision = mean_of(results.precision)
    return [
        *(
            Number(f"{value:.2f}", f"mean Dice, {name}", value >= LEAST_DICE if name in CONFIGURATIONS else None)
            for name, value in results.mean_dice.items()
        ),
        Number(
            f"{precision:.1f} x",
            "the average precision of chance: maps of the organs that many lack",
            precision >= LEAST_PRECISION,
        ),
        Number(str(settings.studies), "image-report pairs to pretrain and to evaluate on"),
        Number(str(settings.labelled), "labelled volumes to finetune on"),
        Number(f"{seconds / 60:.1f} min", "on this machine, all in all"),
    ]


def pairs_section(prepared: Path, studies: Sequence[Study], vocabulary: Vocabulary) -> Section:
    """A few training pairs, spread over all of them, with the tags that were mined from their reports."""
    count = min(_PAIRS, len(studies))
    chosen = [studies[index * len(studies) // count] for index in range(count)]

    def tags(study: Study) -> dict[str, str]:
        missing = [tag for tag, state in study.tags.items() if state == "absent"]
        implied = {part for tag in missing for part in vocabulary.children(tag)}
        return {tag: state for tag, state in study.tags.items() if tag not in implied}

    return Section(
        "What it learned from",
        f"{count} of {len(studies)} training pairs: an image, its report, and the organ tags that rules found in it "
        "(not shown: the parts of a missing organ). Pretraining saw nothing else: no outline, no label.",
        cards=[Card(_image(prepared, study), "Its report", _excerpt(study), tags(study)) for study in chosen],
    )


def retrieval_section(prepared: Path, studies: Mapping[str, Study], evaluation: Mapping[str, Any]) -> Section:
    """Held-out images from the best to the worst retrieved, with their nearest reports."""
    examples = evaluation["examples"]
    picked = sorted({round(index) for index in np.linspace(0, len(examples) - 1, min(_QUERIES, len(examples)))})
    cards = []
    for example in (examples[index] for index in picked):
        found = [
            Found(f"{place}.", _excerpt(studies[name]), name == example["study"])
            for place, name in enumerate(example["nearest"], start=1)
        ]
        if example["study"] not in example["nearest"]:
            found.append(Found(f"{example['rank']:g}.", _excerpt(studies[example["study"]]), True))
        title = f"Its report is number {example['rank']:g}"
        cards.append(Card(_image(prepared, studies[example["study"]]), title, found=found))
    return Section(
        "Which report belongs to this image?",
        "Held-out images with the nearest of all held-out reports; green is the image's own. From the image that found "
        "its report best to the one that found it worst.",
        verdicts.retrieval_words(evaluation["overall"]["retrieval"]),
        cards=cards,
    )


def maps_section(folders: Folders, results: Results, held_out: Sequence[Study], vocabulary: Vocabulary) -> Section:
    """Maps of ten organs over three patients, and a table over all held-out studies."""
    masks = folders.phantom / "masks"
    values = read_labels(masks, vocabulary).values
    overall = results.evaluation["overall"]
    located = overall["localization"]["per_tag"]
    pairs = {tag: vocabulary[tag].side_of or "" for tag in located}
    tags = chosen_tags(overall, list(dataset_labels(folders.raw)), pairs, _ORGANS)
    shown = most_organs(held_out, masks, values, tags, _PATIENTS)
    mapped = map_studies(folders.bundle, folders.phantom, shown, values, tags)
    columns = {
        "AUROC": {tag: located[tag]["attention"]["auroc"] for tag in tags},
        "AUROC of the mean mask": {tag: (located[tag]["prior"] or {}).get("auroc") for tag in tags},
        "AUROC of brightness": {tag: located[tag]["brightness"]["auroc"] for tag in tags},
        "peak inside": {tag: located[tag]["attention"]["hit"] for tag in tags},
        "share of pixels": {tag: located[tag]["attention"]["prevalence"] for tag in tags},
        "images": {tag: located[tag]["attention"]["studies"] for tag in tags},
        "recognition AUC": {tag: overall["tags"]["per_tag"][tag]["auc"] for tag in tags},
    }
    return Section(
        "Where the words point",
        "Held-out slices, and for every organ the cosine of pixel and tag embeddings, colors stretched for each map. "
        "Green: where the organ is. p: how probable the network holds it that the organ is there. Organs that are "
        "labelled come first, then those that some reports miss, then those that most images show.",
        verdicts.map_words({tag: located[tag] for tag in tags}),
        rows=[map_row(number, study, tags) for number, study in enumerate(mapped, start=1)],
        table=score_table(columns, tags, "organ, all held-out images"),
    )


def map_row(number: int, study: MappedStudy, tags: Sequence[str]) -> Row:
    """A patient's slice and maps; patients are numbered from 1."""
    tiles = [Tile(figures.picture(study.image, 0, 255), "image")]
    for tag in tags:
        shown = study.shows(tag)
        note = f"AUROC {show(study.auroc(tag))}" if shown else "not there"
        picture = figures.map_over(study.image, study.maps[tag], study.organs[tag] if shown else None)
        tiles.append(Tile(picture, tag.replace("_", " "), (f"p {study.probabilities[tag]:.2f}", note)))
    return Row(tiles, _SLICE, f"Held-out patient {number}")


def dice_section(results: Results, settings: Settings) -> Section:
    """Dice of each organ beside training from scratch, and what pretraining and maps were worth."""
    # A case without any organ says nothing of either.
    cases = [case for case, scores in results.cases[CONTROLLED].items() if scores and results.control[case]]
    pretrained, scratch = (
        [mean_of(scores[case]) for case in cases] for scores in (results.cases[CONTROLLED], results.control)
    )
    organs = list(dict.fromkeys(organ for scores in results.dice.values() for organ in scores))
    table = score_table(
        {name: {**scores, "mean": results.mean_dice[name]} for name, scores in results.dice.items()},
        [*organs, "mean"],
        "organ",
    )
    return Section(
        "Does it help?",
        f"Dice on {len(cases)} test volumes. All networks had the same {settings.labelled} labelled volumes (a fifth "
        f"of them to validate on) and {settings.trainer_epochs} short epochs; '{CONTROLLED} from scratch' began with "
        "random weights and has no maps.",
        f"{verdicts.gain_words(pretrained, scratch)} {verdicts.effect_words(results.effects)}",
        table=table,
    )


def pretraining_curves(entries: Sequence[Mapping[str, Any]]) -> list[Tile]:
    """Loss of each epoch and tag AUC on validation studies, from a run's metrics."""

    def values(name: str) -> list[float | None]:
        return [entry.get(name) for entry in entries]

    loss = figures.curves({"training": values("train/loss"), "validation": values("val/loss")})
    return [
        Tile(loss, "pretraining: loss"),
        Tile(figures.curves({"AUC": values("val/tag_auc")}), "pretraining: recognition of tags, validation studies"),
    ]


def _finetuning_curves(folders: Folders, settings: Settings) -> list[Tile]:
    trainings = [(name, settings.trainer, name) for name in CONFIGURATIONS]
    trainings.append((CONTROLLED, settings.control, f"{CONTROLLED} from scratch"))
    tiles = []
    for configuration, trainer, title in trainings:
        log = finetuning_log(folders.model(configuration, trainer))
        tiles.append(Tile(figures.curves(log), f"finetuning {title}"))
    return tiles


def finetuning_log(model: Path) -> dict[str, list[float]]:
    """What nnU-Net logged of a training: lists with one entry an epoch."""
    import torch

    # Our own training wrote it a minute ago; nnU-Net's checkpoints hold more than tensors.
    log = torch.load(model / "checkpoint_final.pth", map_location="cpu", weights_only=False)["logging"]
    names = {"training loss": "train_losses", "validation loss": "val_losses", "validation Dice": "mean_fg_dice"}
    return {label: np.asarray(log[key], float).tolist() for label, key in names.items()}


def _predictions_section(folders: Folders, settings: Settings) -> Section:
    labels = dataset_labels(folders.raw)
    predictions = {name: folders.predictions(name, settings.trainer) for name in CONFIGURATIONS}
    predictions[f"{CONTROLLED} from scratch"] = folders.predictions(CONTROLLED, settings.control)
    names = [path.name for path in sorted((folders.raw / "labelsTs").glob("*.nii.gz"))[:_CASES]]
    return Section(
        "Predictions on test volumes",
        "At the slice that shows most organs.",
        rows=[prediction_row(folders.raw, name, predictions, len(labels)) for name in names],
        legend=dict(zip(labels, figures.COLORS, strict=False)),
    )


def prediction_row(raw: Path, name: str, predictions: Mapping[str, Path], count: int) -> Row:
    """Slice, label and each prediction of a test case, at the slice that shows most organs.

    Args:
        raw: the data set.
        name: of the case's label file.
        predictions: title to folder.
        count: how many labels there are.
    """
    truth = read_volume(raw / "labelsTs" / name)
    level = int(np.argmax([len(np.unique(plane)) * 1e6 + (plane > 0).sum() for plane in truth]))
    image = read_volume(raw / "imagesTs" / name.replace(".nii.gz", "_0000.nii.gz"))[level]
    layers = {"label": truth[level], **{title: read_volume(at / name)[level] for title, at in predictions.items()}}
    tiles = [Tile(figures.picture(image, *_HOUNSFIELD), "image")]
    tiles += [Tile(figures.labels_over(image, layer, *_HOUNSFIELD, count), title) for title, layer in layers.items()]
    return Row(tiles, _PREDICTION, name.removesuffix(".nii.gz"))


def _image(prepared: Path, study: Study) -> bytes:
    return figures.picture(read_array(prepared / study.images[0])[0], 0, 255)


def _excerpt(study: Study) -> str:
    """What the report found, without technique and history, cut short."""
    found = re.search(r"findings:\s*(.*)", study.report, re.IGNORECASE | re.DOTALL)
    text = found.group(1) if found else study.report
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS].rpartition(' ')[0]} ..."
