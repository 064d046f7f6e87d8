"""One thing that the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `problem` keeps some command from working, `warning` does not.
        subject: what was looked at, in a word or two.
        text: what was found.
        remedy: how to mend it; empty where nothing is to be mended, or where `text` says it.
    """

    level: Level
    subject: str
    text: str
    remedy: str = ""
