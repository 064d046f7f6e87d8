"""`mosmos_pretrain COMMAND ...`: finds the command's module, reads its options, runs it."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence

from pretraining.errors import UserError

COMMANDS = {
    "prepare": "read images and reports, mine organ tags, write a prepared folder",
    "shard": "write a prepared folder as tar files, for corpora beyond a disk",
    "train": "pretrain an encoder on a prepared folder, or resume the run",
    "evaluate": "measure retrieval, tag recognition, calibration and localization on a prepared folder",
    "export": "write a run's encoder, projector and tag embeddings as a bundle",
    "maps": "write pixel-tag attention maps of images as NIfTI and overlay pictures",
    "tags": "mine organ tags from reports",
    "phantom": "write synthetic patients: images, reports, masks",
}


def usage() -> str:
    """The text of `mosmos_pretrain --help`."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: mosmos_pretrain COMMAND [options]",
            "",
            *lines,
            "",
            "`mosmos_pretrain COMMAND --help` lists a command's options and their defaults.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `mosmos_pretrain`; `sys.argv` when omitted.

    Returns:
        The exit code: 0 for success, 1 for a user's mistake, 2 for options that cannot be read, 130 after Ctrl-C; a
        command may define others.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    name, *rest = words
    if name not in COMMANDS:
        print(f"mosmos_pretrain: there is no command '{name}'\n\n{usage()}", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # The libraries' own progress messages would bury ours.
    for library in ("httpx", "matplotlib", "numexpr", "PIL"):
        logging.getLogger(library).setLevel(logging.WARNING)
    import tyro

    command = importlib.import_module(f"pretraining.cli.{name}")
    try:
        options = tyro.cli(
            command.Options,
            prog=f"mosmos_pretrain {name}",
            description=COMMANDS[name],
            args=rest,
            config=(tyro.conf.OmitArgPrefixes,),
        )
        return int(command.run(options))
    except UserError as error:
        print(f"mosmos_pretrain {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"mosmos_pretrain {name}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # `mosmos_pretrain tags ... | head` closes our output early: not an error.
        return 0


if __name__ == "__main__":
    sys.exit(main())
