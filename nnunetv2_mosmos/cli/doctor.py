"""`nnUNetv2_mosmos_doctor`: prints what is broken and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

PROGRAM = "nnUNetv2_mosmos_doctor"


@dataclass
class Options:
    """Examine this installation of MOSMOS for nnU-Net; exits with 1 when something is broken."""

    dataset: Annotated[str | None, tyro.conf.arg(aliases=["-d"])] = None
    """A dataset to examine too: number or name, as nnU-Net takes it."""
    bundle: Annotated[Path | None, tyro.conf.arg(aliases=["-b"])] = None
    """A bundle to examine too; by default the one that MOSMOS_BUNDLE names."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point.

    Args:
        arguments: the words after the command; `sys.argv` when omitted.

    Returns:
        0 where nothing is broken (there may be warnings), else 1.
    """
    options = tyro.cli(Options, prog=PROGRAM, args=arguments)
    from nnunetv2_mosmos.doctor import examine

    findings = examine(options.dataset, options.bundle)
    for finding in findings:
        print(f"{finding.level:<8} {finding.subject}: {finding.text}")
        if finding.remedy:
            print(f"{'':<8} -> {finding.remedy}")
    problems, warnings = (sum(finding.level == level for finding in findings) for level in ("problem", "warning"))
    print(f"\n{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}")
    return int(problems > 0)


if __name__ == "__main__":
    sys.exit(main())
