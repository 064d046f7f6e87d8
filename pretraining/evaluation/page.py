"""The page of an evaluation: one self-contained HTML file, without patient text unless it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from pretraining.evaluation.reliability_figure import reliability_figure
from pretraining.evaluation.scores import FEWEST_STUDIES
from pretraining.studies.page_style import STYLE

_MORE_STYLE = """
th { color: var(--faint); font-weight: 600; } th.number { text-align: right; } td.number, td.id { white-space: nowrap; }
tr.few td { color: var(--faint); } svg { width: 100%; max-width: 420px; display: block; }
.panel td:first-child { position: sticky; left: 0; background: white; }
.columns > .panel { min-width: 0; flex-basis: 300px; } td.id { white-space: normal; overflow-wrap: anywhere; }
.number + td { padding-left: 12px; }
@media (max-width: 600px) { main { padding: 12px; } .tile { flex: 1 1 40%; } .panel { padding: 10px; } }
"""
_SHOWN_CHARACTERS = 300
_DASH = "–"


def render_page(document: Mapping[str, Any], reports: Mapping[str, str]) -> str:
    """The page as HTML.

    Args:
        document: what the JSON holds, see `pretraining.evaluation.evaluate`.
        reports: study -> report, for the retrieval examples; empty to leave patient text out.
    """
    overall = document["overall"]
    model, data = document["model"], document["data"]
    parts = [
        f"<h1>Evaluation of a {model['kind']}</h1>",
        f'<div class="faint">{data["studies"]} studies, split {escape(data["split"])}; {model["dim"]}D '
        f"{escape(model['encoder'])}, step {model['step']}</div>",
        _tiles(overall),
        _notes(document),
        _overview(document),
        _tags(overall["tags"]),
        _localization(overall["localization"], document["masks"]),
        _calibration(overall["calibration"]),
        _examples(document["examples"], overall["retrieval"], reports),
        _left_out(document["masks"]),
        _details(document),
    ]
    banner = "This page contains patient text: keep it where the data may be." if reports else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Evaluation</title>'
        f"<style>{STYLE}{_MORE_STYLE}</style></head><body>"
        + (f'<div class="privacy">{banner}</div>' if banner else "")
        + f"<main>{''.join(parts)}</main></body></html>"
    )


def _number(value: float | None, digits: int = 2) -> str:
    if value is None:
        return _DASH
    return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"


def _beside(value: float | None, chance: float | None) -> str:
    """A figure with what chance gives."""
    return _number(value) + ("" if value is None or chance is None else f" ({_number(chance)})")


def _table(header: Sequence[str], rows: Iterable[tuple[Sequence[str], bool]]) -> str:
    """A panel with a table of numbers; rows that are marked are pale."""
    head = "".join(f"<th{_class(place)}>{escape(cell)}</th>" for place, cell in enumerate(header))
    body = "".join(
        f"<tr{_FEW if few else ''}>"
        + "".join(f"<td{_class(place)}>{escape(cell)}</td>" for place, cell in enumerate(cells))
        + "</tr>"
        for cells, few in rows
    )
    return f'<div class="panel"><table><tr>{head}</tr>{body}</table></div>'


_FEW = ' class="few"'


def _class(place: int) -> str:
    return ' class="number"' if place else ""


def _tiles(overall: Mapping[str, Any]) -> str:
    retrieval, located = overall["retrieval"], (overall["localization"] or {}).get("mean")
    mean, calibration = overall["tags"]["mean"], overall["calibration"]
    tiles = [
        (_number(mean["auc"]), "tag AUC (chance 0.50)"),
        (_number(mean["auc_within_regions"]), "tag AUC within covered regions"),
    ]
    if "image_to_report" in retrieval:
        found = retrieval["image_to_report"]["r5"]
        tiles.append((_number(found["value"]), f"R@5 image to report (chance {_number(found['chance'])})"))
    if calibration:
        tiles.append((_number(calibration["expected_calibration_error"]), "expected calibration error"))
    if located:
        prior = _number(located["prior"] and located["prior"]["auroc"])
        tiles.append((_number(located["attention"]["auroc"]), f"AUROC of maps (position prior {prior})"))
    return (
        '<div class="tiles">' + "".join(f'<div class="tile"><b>{v}</b>{escape(k)}</div>' for v, k in tiles) + "</div>"
    )


def _notes(document: Mapping[str, Any]) -> str:
    retrieval = document["overall"]["retrieval"]
    notes = list(document["notes"])
    if "not_available" in retrieval:
        notes.append(f"Retrieval is not available: {retrieval['not_available']}.")
    if document["masks"] is None:
        notes.append("Localization was not measured: no --masks were given.")
    if document["overall"]["few"]:
        notes.append("Few studies: chance moves these figures more than most differences of interest.")
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<h2>To know</h2><div class="panel attention"><ul>{items}</ul></div>' if notes else ""


def _overview(document: Mapping[str, Any]) -> str:
    groups = [("all studies", document["overall"])]
    groups += [(f"region {name}", scores) for name, scores in document["regions"].items()]
    groups += [(f"modality {name}", scores) for name, scores in document["modalities"].items()]
    header = ("", "studies", "tag AUC", "AUC within regions", "tag AP (chance)", "calibration error",
              "map AUROC (prior)", "map AP (prior)", "peak inside (prior)")  # fmt: skip
    tables = _table(header, [((name, *_group_cells(scores)), scores["few"]) for name, scores in groups])
    if "image_to_report" in document["overall"]["retrieval"]:
        names = ("R@1 (chance)", "R@5 (chance)", "R@10 (chance)", "median rank (chance)")
        for way, title in _WAYS.items():
            rows = [((name, *_retrieval_cells(scores["retrieval"], way)), scores["few"]) for name, scores in groups]
            tables += f"<h2>Retrieval, {title}</h2>{_table(('', 'candidates', *names), rows)}"
        tables += '<p class="faint">The candidates are the studies of the row; equal reports are not confused.</p>'
    pale = f"Pale, here and below: fewer than {FEWEST_STUDIES} studies, or no figure."
    return f'<h2>Overall, by region, by modality</h2><p class="faint">{pale}</p>{tables}'


_WAYS = {"image_to_report": "image to report", "report_to_image": "report to image"}


def _group_cells(scores: Mapping[str, Any]) -> list[str]:
    mean, calibration = scores["tags"]["mean"], scores["calibration"]
    located = (scores["localization"] or {}).get("mean", {})
    return [
        _number(scores["studies"]),
        _number(mean["auc"]),
        _number(mean["auc_within_regions"]),
        _beside(mean["ap"], mean["chance_ap"]),
        _number(calibration and calibration["expected_calibration_error"]),
        *_located_cells(located.get("attention"), located.get("prior")),
    ]


def _retrieval_cells(retrieval: Mapping[str, Any], way: str) -> list[str]:
    if way not in retrieval:
        return [_DASH] * 5
    found = [retrieval[way][name] for name in ("r1", "r5", "r10", "median_rank")]
    return [_number(retrieval["candidates"]), *(_beside(one["value"], one["chance"]) for one in found)]


def _located_cells(attention: Mapping[str, float] | None, prior: Mapping[str, float] | None) -> list[str]:
    return [
        _beside(attention[name], prior[name] if prior else None) if attention else _DASH
        for name in ("auroc", "average_precision", "hit")
    ]


def _tags(tags: Mapping[str, Any]) -> str:
    known = [(tag, entry) for tag, entry in tags["per_tag"].items() if entry["present"] + entry["negative"]]
    known.sort(key=lambda item: (item[1]["auc"] is None, -(item[1]["auc"] or 0), item[0]))
    header = ("tag", "present", "negative", "unknown", "AUC", "AUC within regions", "(negative)", "AP (chance)",
              "Brier (base rate)")  # fmt: skip
    rows = [
        (
            (
                tag,
                *(_number(entry[name]) for name in ("present", "negative", "unknown", "auc", "auc_within_regions")),
                _number(entry["negative_within_regions"]),
                _beside(entry["ap"], entry["chance_ap"]),
                _beside(entry["brier"], entry["base_rate_brier"]),
            ),
            entry["auc"] is None or entry["present"] + entry["negative"] < FEWEST_STUDIES,
        )
        for tag, entry in known
    ]
    note = (
        f"{tags['tags_scored']} tags have both a present and a negative study, {tags['tags_scored_within_regions']} "
        "within covered regions. Across regions the AUC measures whether the body region is recognized; within them, "
        "negatives come only from reports that cover the tag's region."
    )
    return f'<h2>Tags, best first</h2><p class="faint">{note}</p>{_table(header, rows)}'


def _localization(located: Mapping[str, Any] | None, masks: Mapping[str, Any] | None) -> str:
    if located is None or masks is None:
        return ""
    ordered = sorted(located["per_tag"].items(), key=lambda item: (-item[1]["attention"]["auroc"], item[0]))
    header = ("tag", "images", "AUROC (prior)", "AP (prior)", "peak inside (prior)", "share of pixels",
              "AUROC of brightness")  # fmt: skip
    rows = [
        (
            (
                tag,
                _number(entry["attention"]["studies"]),
                *_located_cells(entry["attention"], entry["prior"]),
                f"{entry['attention']['prevalence']:.2g}",
                _number(entry["brightness"]["auroc"]),
            ),
            entry["attention"]["studies"] < FEWEST_STUDIES,
        )
        for tag, entry in ordered
    ]
    note = (
        f"The static position prior in brackets is the mean mask of {masks['prior']['source']} "
        f"({masks['prior']['images']} images), without the patient's own: a map that does not beat it says where "
        "organs usually are. Chance is 0.5 for AUROC and the share of pixels for AP and peaks, but the image itself, "
        "taken for a map (brightness), often reaches more: most of what is dark is air."
    )
    return f'<h2>Where attention maps lie, best first</h2><p class="faint">{note}</p>{_table(header, rows)}'


def _calibration(calibration: Mapping[str, Any] | None) -> str:
    if calibration is None:
        return ""
    header = ("probability", "entries", "promised", "true")
    rows = [
        (
            (
                f"{one['lowest']:.3f} to {one['highest']:.3f}",
                _number(one["entries"]),
                _number(one["mean_probability"], 3),
                _number(one["observed"], 3),
            ),
            False,
        )
        for one in calibration["bins"]
    ]
    note = (
        f"Expected calibration error {calibration['expected_calibration_error']:.3f}, Brier score "
        f"{calibration['brier']:.3f} (always saying the base rate: {calibration['base_rate_brier']:.3f}), over "
        f"{calibration['entries']:,} known pairs of study and tag."
    )
    figure = f'<div class="panel">{reliability_figure(calibration["bins"])}</div>'
    return f'<h2>Calibration</h2><p class="faint">{note}</p><div class="columns">{figure}{_table(header, rows)}</div>'


def _examples(examples: Sequence[Mapping[str, Any]], retrieval: Mapping[str, Any], reports: Mapping[str, str]) -> str:
    if not examples:
        return ""

    def shown(study: str) -> str:
        text = reports.get(study, "")[:_SHOWN_CHARACTERS]
        return escape(study) + (f'<div class="faint">{escape(text)}</div>' if text else "")

    rows = "".join(
        f'<tr><td class="id">{shown(one["study"])}</td><td class="number">{one["rank"]:g}</td><td class="id">'
        + ("" if reports else ", ").join(map(shown, one["nearest"]))
        + "</td></tr>"
        for one in examples
    )
    head = '<tr><th>image of study</th><th class="number">rank of its report</th><th>nearest reports</th></tr>'
    note = f"Studies from the best to the worst retrieved, of {retrieval.get('candidates', len(examples))} candidates."
    return f'<h2>Retrieval examples</h2><p class="faint">{note}</p><div class="panel"><table>{head}{rows}</table></div>'


def _left_out(masks: Mapping[str, Any] | None) -> str:
    if not masks or not masks["left_out"]:
        return ""
    rows = [((study, reason), False) for study, reason in masks["left_out"].items()]
    return f"<h2>Masks left out</h2>{_table(('study', 'why'), rows)}"


def _details(document: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><td>{escape(part)} {escape(name.replace("_", " "))}</td><td class="id">{escape(str(value))}</td></tr>'
        for part in ("options", "model", "data", "created_by")
        for name, value in document[part].items()
    )
    return f'<h2>Details</h2><div class="panel"><table>{rows}</table></div>'
