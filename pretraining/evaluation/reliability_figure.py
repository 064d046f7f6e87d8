"""The reliability figure: what was promised against what came true, as an SVG that scales with the window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SIDE, LEFT, BOTTOM = 300, 44, 40


def reliability_figure(bins: Sequence[dict[str, Any]]) -> str:
    """An SVG element.

    Args:
        bins: of `reliability`.
    """
    width, height = LEFT + SIDE + 16, SIDE + BOTTOM + 12
    points = [(LEFT + SIDE * one["mean_probability"], 12 + SIDE * (1 - one["observed"])) for one in bins]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#3d7ea6"><title>{one["entries"]} entries, '
        f"{one['mean_probability']:.3f} promised, {one['observed']:.3f} true</title></circle>"
        for (x, y), one in zip(points, bins, strict=True)
    )
    ticks = "".join(
        f'<text x="{LEFT + SIDE * at / 4:.0f}" y="{SIDE + 28}" text-anchor="middle">{at / 4:g}</text>'
        f'<text x="{LEFT - 6}" y="{16 + SIDE * (1 - at / 4):.0f}" text-anchor="end">{at / 4:g}</text>'
        for at in range(5)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="reliability" font-size="11" fill="#22303c">'
        f'<rect x="{LEFT}" y="12" width="{SIDE}" height="{SIDE}" fill="none" stroke="#dfe5ea"/>'
        f'<line x1="{LEFT}" y1="{12 + SIDE}" x2="{LEFT + SIDE}" y2="12" stroke="#6c7a86" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="#3d7ea6"/>{dots}{ticks}'
        f'<text x="{LEFT + SIDE / 2}" y="{height - 6}" text-anchor="middle">probability promised</text>'
        f'<text transform="translate(11 {12 + SIDE / 2}) rotate(-90)" text-anchor="middle">share true</text></svg>'
    )
