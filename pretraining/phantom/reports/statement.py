"""What one sentence of a report says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """A sentence and its meaning.

    Attributes:
        text: one or two sentences, with their full stops. subject: the heading that a structured report files it under.
        present, absent: tag ids that the sentence places in the image, or says to be absent; hierarchy not included.
        lesions: what it says of lesions, as (organ tag id, kind).
        abnormal: whether the impression repeats it. history: whether it stands under the history (a former operation).
        minor: whether reports rarely bother to say it.
    """

    text: str
    subject: str
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    lesions: tuple[tuple[str, str], ...] = ()
    abnormal: bool = False
    history: bool = False
    minor: bool = False


def capitalized(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
