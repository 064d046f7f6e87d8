"""What became of every tensor of a network when a bundle's weights were moved into it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

Action = Literal["copied", "inflated", "collapsed", "cropped", "padded", "resized", "adapted", "zeroed", "skipped"]
NOT_TRANSFERRED: tuple[Action, ...] = ("skipped", "zeroed")


@dataclass(frozen=True)
class TransferRow:
    """One tensor of the receiving network.

    Attributes:
        tensor: its name in the network.
        action: what was done; the most telling word where several things were.
        detail: how, or why not.
        parameters: how many numbers it holds.
    """

    tensor: str
    action: Action
    detail: str
    parameters: int

    @property
    def transferred(self) -> bool:
        """Whether the tensor now holds pretrained values."""
        return self.action not in NOT_TRANSFERRED


@dataclass(frozen=True)
class TransferTable:
    """The rows of one module of the network.

    Attributes:
        rows: one for every tensor of the module.
        unused: tensors of the bundle that the module has no tensor for.
    """

    rows: tuple[TransferRow, ...]
    unused: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Transferred parameters over all parameters, in [0, 1]."""
        total = sum(row.parameters for row in self.rows)
        return sum(row.parameters for row in self.rows if row.transferred) / total if total else 0.0

    def summary(self) -> str:
        """One line: the share, and how many tensors met each action with the first reason for skipping."""
        counts = Counter(row.action for row in self.rows)
        words = ", ".join(f"{count} {action}" for action, count in counts.most_common())
        skipped = next((row for row in self.rows if not row.transferred), None)
        reason = f"; {skipped.action} first: {skipped.tensor} ({skipped.detail})" if skipped else ""
        unused = f"; {len(self.unused)} tensors of the bundle have no place here" if self.unused else ""
        return f"{100 * self.share:.0f} % of the parameters ({words} of {len(self.rows)} tensors{reason}){unused}"

    def lines(self) -> list[str]:
        """The whole table, one line a tensor, in columns."""
        columns: list[tuple[str, str, str]] = [(row.tensor, row.action, row.detail) for row in self.rows]
        columns += [(name, "unused", "the network has no such tensor") for name in self.unused]
        width = max((len(tensor) for tensor, _, _ in columns), default=0)
        return [f"{tensor:<{width}}  {action:<9}  {detail}".rstrip() for tensor, action, detail in columns]


@dataclass(frozen=True)
class Transfer:
    """New values for a module, and the account of them.

    Attributes:
        tensors: values by the tensor's name in the receiving module.
        table: one row for every tensor of the module.
    """

    tensors: dict[str, Tensor] = field(repr=False)
    table: TransferTable


def part_of(name: str) -> str:
    """The stage, block or layer that a tensor belongs to: `stages.2.0.convs.0.conv.weight` is part of `stages.2`."""
    first, *rest = name.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0].isdigit() else first


def pretrained_parts(rows: Iterable[TransferRow]) -> tuple[str, ...]:
    """Parts of which every tensor was transferred: what trains at the lower rate.

    Args:
        rows: a table's rows.

    Returns:
        Part names in the network's order.
    """
    whole: dict[str, bool] = {}
    for row in rows:
        part = part_of(row.tensor)
        whole[part] = whole.get(part, True) and row.transferred
    return tuple(part for part, complete in whole.items() if complete)
