"""The demo's page: one HTML file that needs nothing beside it, on a wide and on a narrow window."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5d6b7c; --line: #dfe5ec; --panel: #ffffff; --ground: #f4f6f9;
  --good: #1a7f4b; --bad: #b3261e; --good-ground: #e0f1e6; --bad-ground: #f9e3e0; --word-ground: #eef2f7; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: clamp(1.4rem, 3.5vw, 2rem); margin: 0 0 4px; }
h2 { font-size: 1.15rem; margin: 0 0 8px; }
h3 { font-size: 0.9rem; margin: 14px 0 6px; overflow-wrap: anywhere; }
p { margin: 0 0 12px; color: var(--soft); }
p.verdict { color: var(--ink); background: var(--word-ground); border-left: 4px solid var(--soft);
  padding: 8px 12px; border-radius: 4px; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px; margin-top: 18px; }
.scroll { overflow-x: auto; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 18px; }
.number { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.number b { display: block; font-size: 1.55rem; line-height: 1.2; white-space: nowrap; }
.number span { color: var(--soft); font-size: 0.88rem; }
.good b { color: var(--good); } .bad b { color: var(--bad); }
.tiles { display: grid; gap: 8px; grid-template-columns: repeat(auto-fit, minmax(min(100%, var(--least)), 1fr)); }
.tiles figure { margin: 0; min-width: 0; max-width: 480px; }
img { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { font-size: 0.78rem; line-height: 1.3; padding-top: 3px; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); }
.cards { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
.card { display: grid; grid-template-columns: 112px 1fr; gap: 12px; border: 1px solid var(--line); border-radius: 8px;
  padding: 12px; min-width: 0; font-size: 0.85rem; align-content: start; }
.card > div { min-width: 0; } .card h3 { margin: 0 0 4px; } .card p { white-space: pre-line; margin: 0 0 6px; }
ol { list-style: none; margin: 0; padding: 0; }
li { border-left: 3px solid var(--line); padding: 1px 8px; margin: 6px 0; color: var(--soft); }
li b { color: var(--ink); } li.right { border-color: var(--good); background: var(--good-ground); }
.chip { display: inline-block; border-radius: 9px; padding: 0 8px; margin: 2px 3px 0 0; font-size: 0.78rem; }
.chip.present { background: var(--good-ground); color: var(--good); }
.chip.absent { background: var(--bad-ground); color: var(--bad); }
.legend { font-size: 0.82rem; margin-top: 10px; } .legend i { display: inline-block; width: 11px; height: 11px;
  border-radius: 3px; margin: 0 5px 0 12px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin-top: 14px; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
code, pre { font: 0.82rem/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
@media (max-width: 600px) { section { padding: 12px; } .card { grid-template-columns: 1fr; }
  .card img { width: 112px; } }
"""


@dataclass(frozen=True)
class Number:
    """A headline number. `good` is None where nothing is demanded of it."""

    value: str
    caption: str
    good: bool | None = None


@dataclass(frozen=True)
class Tile:
    """A picture (PNG), its caption and notes, a line each."""

    picture: bytes
    caption: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """Tiles that belong together; as many stand side by side as fit.

    Attributes:
        tiles: in order. least: width in pixels below which they stack. title: stands above them.
    """

    tiles: Sequence[Tile]
    least: int
    title: str = ""


@dataclass(frozen=True)
class Found:
    """A report that was found for an image; `right` marks the image's own."""

    place: str
    text: str
    right: bool = False


@dataclass(frozen=True)
class Card:
    """A picture (PNG) with what was written of it.

    Attributes:
        picture, title, text: of the study.
        tags: tag to `present` or `absent`.
        found: reports, nearest first.
    """

    picture: bytes
    title: str
    text: str = ""
    tags: Mapping[str, str] | None = None
    found: Sequence[Found] = ()


@dataclass(frozen=True)
class Section:
    """A part of the page, in this order.

    Attributes:
        title, text: plain text. verdict: what the run's numbers say.
        cards: pictures with text. rows: pictures. legend: label to color. table: header and rows.
        commands: shell lines.
    """

    title: str
    text: str = ""
    verdict: str = ""
    cards: Sequence[Card] = ()
    rows: Sequence[Row] = ()
    legend: Mapping[str, str] | None = None
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    commands: Sequence[str] = ()


def render_page(title: str, introduction: str, numbers: Sequence[Number], sections: Sequence[Section]) -> str:
    """The whole page as HTML; pictures are inside it."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(introduction)}</p>\n"
        f'<div class="numbers">{"".join(_number(number) for number in numbers)}</div>\n'
        + "\n".join(_section(section) for section in sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def score_table(
    columns: Mapping[str, Mapping[str, float | None]], rows: Sequence[str], first: str
) -> tuple[list[str], list[list[str]]]:
    """A table of numbers.

    Args:
        columns: column title to row name to value.
        rows: row names, in order.
        first: title of the first column.

    Returns:
        Header and rows; values with two decimals, whole numbers as they are, a dash where there is none.
    """
    body = [[row, *(show(column.get(row)) for column in columns.values())] for row in rows]
    return [first, *columns], body


def show(value: float | None) -> str:
    """A number with two decimals, a whole one as it is, a dash for none."""
    if value is None or value != value:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _number(number: Number) -> str:
    kind = "" if number.good is None else " good" if number.good else " bad"
    return f'<div class="number{kind}"><b>{escape(number.value)}</b><span>{escape(number.caption)}</span></div>'


def _image(picture: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(picture).decode("ascii")}">'


def _row(row: Row) -> str:
    title = f"<h3>{escape(row.title)}</h3>" if row.title else ""
    tiles = "".join(
        f"<figure>{_image(tile.picture, tile.caption)}<figcaption>{escape(tile.caption)}"
        f"{''.join(f'<span>{escape(note)}</span>' for note in tile.notes)}</figcaption></figure>"
        for tile in row.tiles
    )
    return f'{title}<div class="tiles" style="--least: {row.least}px">{tiles}</div>'


def _card(card: Card) -> str:
    chips = "".join(
        f'<span class="chip {state}">{escape(tag if state == "present" else f"no {tag}")}</span>'
        for tag, state in (card.tags or {}).items()
    )
    found = "".join(
        f"<li{_RIGHT if one.right else ''}><b>{escape(one.place)}</b> {escape(one.text)}</li>" for one in card.found
    )
    return (
        f'<div class="card"><div>{_image(card.picture, card.title)}</div><div><h3>{escape(card.title)}</h3>'
        + (f"<p>{escape(card.text)}</p>" if card.text else "")
        + chips
        + (f"<ol>{found}</ol>" if found else "")
        + "</div></div>"
    )


_RIGHT = ' class="right"'


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    if section.text:
        parts.append(f"<p>{escape(section.text)}</p>")
    if section.verdict:
        parts.append(f'<p class="verdict">{escape(section.verdict)}</p>')
    if section.cards:
        parts.append(f'<div class="cards">{"".join(map(_card, section.cards))}</div>')
    parts += map(_row, section.rows)
    if section.legend:
        entries = "".join(
            f'<i style="background: {color}"></i>{escape(label)}' for label, color in section.legend.items()
        )
        parts.append(f'<div class="legend">{entries}</div>')
    if section.table is not None:
        header, rows = section.table
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')
    if section.commands:
        parts.append(f"<pre>{escape(chr(10).join(section.commands))}</pre>")
    return f"<section>{''.join(parts)}</section>"
