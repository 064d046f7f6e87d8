"""Whether an operation that a sentence names has been done, and whether it took the whole organ."""

from __future__ import annotations

from typing import NamedTuple

from pretraining.tags import lexicon as lx
from pretraining.tags.scan import Row

_REACH = 6
_NEAR = 3
_DONE_LINKS = lx.DONE | lx.OF | lx.DETERMINER | lx.FILLER


class Operation(NamedTuple):
    """How a sentence speaks of an operation.

    Attributes:
        done: it says so ("status post splenectomy"); False when it only names it.
        denied: it was not done, not yet, or is not meant ("scheduled for", "no prior", "specimen").
        partial: it left the organ ("partial nephrectomy").
    """

    done: bool
    denied: bool
    partial: bool


def read_operation(row: Row, index: int) -> Operation:
    """Read the words around the operation at an item; the nearest word before it decides, unless it is denied."""
    masks = row.masks
    done = denied = False
    for position in range(index - 1, max(-1, index - 1 - _REACH), -1):
        mask = masks[position]
        if mask & lx.BREAK:
            break
        if mask & (lx.NOT_DONE | lx.DONE):
            denied = bool(mask & lx.NOT_DONE) or _is_denied(masks, position)
            done = not denied
            break
    for mask in masks[index + 1 : index + 1 + _NEAR]:
        if mask & lx.BREAK:
            break
        denied = denied or bool(mask & lx.NOT_DONE_AFTER)
        done = done or bool(mask & lx.DONE_AFTER)
    return Operation(done, denied, _is_partial(masks, index))


def _is_denied(masks: list[int], position: int) -> bool:
    """Whether a negation stands right before "prior": "no evidence of prior hysterectomy"."""
    while position > 0 and masks[position] & _DONE_LINKS:
        position -= 1
        if masks[position] & (lx.NOT_DONE | lx.NEGATION):
            return True
    return False


def _is_partial(masks: list[int], index: int) -> bool:
    for position in range(index - 1, max(-1, index - 1 - _NEAR), -1):
        if masks[position] & lx.PARTIAL:
            return True
        if masks[position] & (lx.COMMA | lx.BREAK | lx.PREPOSITION):
            return False
    return False
