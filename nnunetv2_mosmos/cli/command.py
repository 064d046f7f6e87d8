"""What commands of ours share: what is done around the lines that they print, and `--map`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import tyro

from pretraining.errors import UserError

Options = TypeVar("Options")


def run_command(
    program: str, kind: type[Options], run: Callable[[Options], Iterable[str]], arguments: Sequence[str] | None
) -> int:
    """Read options, run, print.

    Args:
        program: the command's name.
        kind: the dataclass of its options.
        run: gives the lines to print.
        arguments: the words after the command; `sys.argv` when omitted.

    Returns:
        The exit code: 0, or 1 for a user's mistake.
    """
    options = tyro.cli(kind, prog=program, args=arguments, config=(tyro.conf.FlagCreatePairsOff,))
    try:
        for line in run(options):
            print(line)
    except UserError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


def label_tags_of(pairs: Sequence[str]) -> dict[str, str]:
    """Tag by label, as `--map LABEL=TAG` gives them.

    Raises:
        UserError: a pair is none.
    """
    overrides = {}
    for pair in pairs:
        label, separator, tag = pair.rpartition("=")
        if not separator or not label or not tag:
            raise UserError(
                f"--map {pair}: write --map LABEL=TAG, for example --map 'left ventricle=heart_ventricle_left'"
            )
        overrides[label] = tag
    return overrides
