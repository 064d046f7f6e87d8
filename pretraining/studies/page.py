"""`prepare.html`: one self-contained page on which a person sees within a minute whether the data are right."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pretraining.studies.atomic import write_text
from pretraining.studies.manifest import Study
from pretraining.studies.modalities import UNKNOWN
from pretraining.studies.page_figures import co_occurrence, intensities, report_lengths
from pretraining.studies.page_style import STYLE
from pretraining.studies.records import Reject
from pretraining.studies.thumbnails import thumbnail

if TYPE_CHECKING:
    from pretraining.studies.prepare import Prepared

_SHOWN_STUDIES = 48
_SHOWN_IMAGES = 3
_SHOWN_TAGS = 80
_CO_OCCURRENCE_TAGS = 24
_SHOWN_REJECTS = 200
_SHOWN_CHARACTERS = 1_500


def write_page(folder: Path, prepared: Prepared, summary: Mapping[str, Any]) -> None:
    """Write `prepare.html`.

    Args:
        folder: the prepared folder.
        prepared: the studies and images to show.
        summary: what `prepare.json` says.
    """
    studies = prepared.studies
    parts = [
        f"<h1>Prepared studies: {escape(folder.resolve().name)}</h1>",
        f'<div class="faint">from {escape(str(summary["options"]["input"]))}</div>',
        _tiles(summary["counts"]),
        _attention(summary),
        _tags(summary["tags"]),
        _figures(studies, prepared),
        _contact_sheet(folder, studies),
        _rejects(prepared.rejects),
    ]
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<title>Prepared studies (contains patient text)</title>"
        f"<style>{STYLE}</style></head><body>"
        '<div class="privacy">This page contains patient text and patient images: keep it where the data may be.</div>'
        f"<main>{''.join(parts)}</main></body></html>"
    )
    write_text(folder / "prepare.html", html)


def _tiles(counts: Mapping[str, Any]) -> str:
    numbers = [(name, counts[name]) for name in ("studies", "patients", "images", "reports")]
    numbers += [(split, counts["splits"].get(split, 0)) for split in ("train", "val", "test")]
    numbers += [("with masks", counts["with_masks"]), ("not taken", counts["rejects"])]
    numbers += [(f"in {name}", count) for name, count in counts["dimensions"].items()]
    numbers += [(f"modality {name}", count) for name, count in counts["modalities"].items()]
    tiles = "".join(f'<div class="tile"><b>{number:,}</b>{escape(name)}</div>' for name, number in numbers)
    return f'<div class="tiles">{tiles}</div>'


def _attention(summary: Mapping[str, Any]) -> str:
    points = [f"{_number(count, 'study', 'studies')}: {flag}" for flag, count in summary["flags"].items()]
    points += [
        f"{_number(count, 'entry', 'entries')} not taken: {reason}"
        for reason, count in list(summary["reject_reasons"].items())[:8]
    ]
    for what, found in summary["duplicates"].items():
        if found["groups"]:
            across = f", {found['groups_across_splits']} groups across splits" if found["groups_across_splits"] else ""
            points.append(
                f"{found['studies']} studies share their {what} with another ({found['groups']} groups{across})"
            )
    items = "".join(f"<li>{escape(point)}</li>" for point in points)
    return f'<h2>To look at</h2><div class="panel attention"><ul>{items or _NOTHING_ODD}</ul></div>'


def _number(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


_NOTHING_ODD = '<li class="good">nothing was flagged, rejected or found twice</li>'


def _tags(tags: Mapping[str, Mapping[str, int]]) -> str:
    if not tags:
        return ""
    ordered = sorted(tags.items(), key=lambda item: (-item[1]["present"], item[0]))[:_SHOWN_TAGS]
    longest = max(sum(counts.values()) for counts in tags.values())
    bars = "".join(_bar(tag, counts, longest) for tag, counts in ordered)
    rest = f"; the {_SHOWN_TAGS} most frequent of {len(tags)}" if len(tags) > _SHOWN_TAGS else ""
    note = f"studies in which the report shows the organ / says that it is absent; the rest do not mention it{rest}"
    return f'<h2>Tags</h2><div class="panel"><div class="faint">{note}</div><div class="bars">{bars}</div></div>'


def _bar(tag: str, counts: Mapping[str, int], longest: int) -> str:
    present, absent = (100 * counts[state] / longest for state in ("present", "absent"))
    return (
        f'<div class="bar"><span title="{escape(tag)}">{escape(tag)}</span>'
        f'<span><i style="width:{present:.1f}%"></i><i class="absent" style="width:{absent:.1f}%"></i></span>'
        f"<span>{counts['present']} / {counts['absent']}</span></div>"
    )


def _figures(studies: Sequence[Study], prepared: Prepared) -> str:
    by_modality: dict[str, list[Sequence[float]]] = defaultdict(list)
    for study in studies:
        for image in prepared.images[study.id]:
            by_modality[image.modality].append(image.quantiles)
    spread = {
        modality: images for modality, images in by_modality.items() if any(min(image) < max(image) for image in images)
    }
    panels = [("Intensities", intensities(spread))] if spread else []
    words = [len(study.report.split()) for study in studies if study.report]
    if words:
        panels.append(("Report lengths", report_lengths(words)))
    common = [tag for tag, _ in _present(studies).most_common(_CO_OCCURRENCE_TAGS)]
    if len(common) > 1:
        panels.append(("Tags that occur together", co_occurrence(common, co_occurrence_shares(studies, common))))
    figures = "".join(
        f'<div class="panel"><b>{title}</b><img alt="{title}" src="{uri}"></div>' for title, uri in panels
    )
    return f'<h2>Distributions</h2><div class="columns">{figures}{_regions(studies)}</div>'


def _regions(studies: Sequence[Study]) -> str:
    counts = Counter(region for study in studies for region in study.regions or ("unknown",))
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="number">{count}</td></tr>' for name, count in counts.most_common()
    )
    return f'<div class="panel"><b>Body regions</b><table>{rows}</table></div>'


def _present(studies: Iterable[Study]) -> Counter[str]:
    return Counter(tag for study in studies for tag, state in study.tags.items() if state == "present")


def co_occurrence_shares(studies: Iterable[Study], tags: Sequence[str]) -> np.ndarray:
    """`(K, K)`: of the studies in which tag k is present, the share in which tag j is, too."""
    present = np.array([[study.tags.get(tag) == "present" for tag in tags] for study in studies], dtype=float)
    together = present.T @ present
    return together / np.maximum(1, np.diag(together))[:, np.newaxis]


def _contact_sheet(folder: Path, studies: Sequence[Study]) -> str:
    chosen = studies if len(studies) <= _SHOWN_STUDIES else random.Random(0).sample(studies, _SHOWN_STUDIES)
    cards = "".join(_card(folder, study) for study in chosen)
    what = "all studies" if len(chosen) == len(studies) else f"{len(chosen)} of {len(studies)} studies, drawn by chance"
    return f'<h2>Contact sheet</h2><p class="faint">{what}</p><div class="sheet">{cards}</div>'


def _card(folder: Path, study: Study) -> str:
    masks = study.masks or (None,) * len(study.images)
    shown = list(zip(study.images, masks, study.image_spacings, strict=True))[:_SHOWN_IMAGES]
    pictures = [
        thumbnail(folder / image, study.modality, spacing, folder / mask if mask else None)
        for image, mask, spacing in shown
    ]
    shots = "".join(f'<img alt="" src="{picture}">' for picture in pictures)
    more = f", {len(study.images)} images" if len(study.images) > 1 else ""
    modality = study.modality if study.modality != UNKNOWN else "modality unknown"
    spacings = ", ".join(dict.fromkeys(_millimetres(spacing) for _, _, spacing in shown))
    chips = [("region", region) for region in study.regions]
    chips += [(state, tag if state == "present" else f"no {tag}") for tag, state in sorted(study.tags.items())]
    chips += [("flag", flag) for flag in study.flags]
    text = study.report[:_SHOWN_CHARACTERS] + (" ..." if len(study.report) > _SHOWN_CHARACTERS else "")
    return (
        f'<div class="card"><div class="shots">{shots}</div><h3>{escape(study.id)}</h3>'
        f'<div class="faint">{escape(study.split)}, {escape(modality)}, {spacings}{more}; {escape(study.source)}</div>'
        + "".join(f'<span class="chip {kind}">{escape(label)}</span>' for kind, label in chips)
        + f"<p>{escape(text)}</p></div>"
    )


def _millimetres(spacing: Sequence[float] | None) -> str:
    return " x ".join(f"{length:.3g}" for length in spacing) + " mm" if spacing else "spacing unknown"


def _rejects(rejects: Sequence[Reject]) -> str:
    if not rejects:
        return ""
    rows = "".join(
        f"<tr><td>{escape(reject.id)}</td><td>{escape(Path(reject.image).name)}</td><td>{escape(reject.reason)}</td></tr>"
        for reject in rejects[:_SHOWN_REJECTS]
    )
    more = f"<p>and {len(rejects) - _SHOWN_REJECTS} more in rejects.csv</p>" if len(rejects) > _SHOWN_REJECTS else ""
    head = "<tr><th>id</th><th>image</th><th>why</th></tr>"
    return f'<h2>Not taken</h2><div class="panel"><table>{head}{rows}</table>{more}</div>'
