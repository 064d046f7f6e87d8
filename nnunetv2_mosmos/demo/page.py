"""The demo's page: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_STYLE = """
:root { color-scheme: light; --ink: #1c2430; --soft: #5d6b7c; --line: #dfe5ec; --panel: #ffffff; --ground: #f4f6f9;
  --good: #1a7f4b; --bad: #b3261e; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: clamp(1.4rem, 3.5vw, 2rem); margin: 0 0 4px; }
h2 { font-size: 1.15rem; margin: 0 0 8px; }
p { margin: 0 0 12px; color: var(--soft); }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px; margin-top: 18px; overflow-x: auto; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-top: 18px; }
.number { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px; }
.number b { display: block; font-size: 1.7rem; line-height: 1.2; }
.number span { color: var(--soft); font-size: 0.88rem; }
.good b { color: var(--good); } .bad b { color: var(--bad); }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figure { margin: 0; overflow-x: auto; }
figure.wide img { min-width: 560px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
code, pre { font: 0.82rem/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Number:
    """A headline number. `good` is None where nothing is demanded of it."""

    value: str
    caption: str
    good: bool | None = None


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title, text: plain text. picture: PNG. wide: whether the picture needs room to be read. table: header and rows.
        commands: shell lines.
    """

    title: str
    text: str = ""
    picture: bytes | None = None
    wide: bool = False
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    commands: Sequence[str] = ()


def render_page(title: str, introduction: str, numbers: Sequence[Number], sections: Sequence[Section]) -> str:
    """The whole page as HTML; pictures are inside it."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{html.escape(title)}</h1>\n<p>{html.escape(introduction)}</p>\n"
        f'<div class="numbers">{"".join(_number(number) for number in numbers)}</div>\n'
        + "\n".join(_section(section) for section in sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def score_table(
    columns: Mapping[str, Mapping[str, float]], rows: Sequence[str], first: str
) -> tuple[list[str], list[list[str]]]:
    """A table of numbers.

    Args:
        columns: column title to row name to value.
        rows: row names, in order.
        first: title of the first column.

    Returns:
        Header and rows; values with two decimals, whole numbers as they are, a dash where there is none.
    """
    body = [[row, *(_format(column.get(row)) for column in columns.values())] for row in rows]
    return [first, *columns], body


def _format(value: float | None) -> str:
    if value is None or value != value:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.2f}"


def _number(number: Number) -> str:
    kind = "" if number.good is None else " good" if number.good else " bad"
    return (
        f'<div class="number{kind}"><b>{html.escape(number.value)}</b><span>{html.escape(number.caption)}</span></div>'
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    if section.text:
        parts.append(f"<p>{html.escape(section.text)}</p>")
    if section.picture is not None:
        data = base64.b64encode(section.picture).decode("ascii")
        kind = ' class="wide"' if section.wide else ""
        parts.append(
            f'<figure{kind}><img alt="{html.escape(section.title)}" src="data:image/png;base64,{data}"></figure>'
        )
    if section.table is not None:
        header, rows = section.table
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    if section.commands:
        parts.append(f"<pre>{html.escape(chr(10).join(section.commands))}</pre>")
    return f"<section>{''.join(parts)}</section>"
