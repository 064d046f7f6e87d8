"""Services that show a run while it goes on: TensorBoard and Weights & Biases. Both are extras."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from pretraining.errors import UserError

TENSORBOARD, WANDB_RUN = "tensorboard", "wandb_run.txt"


class Watcher(Protocol):
    """Takes numbers by name as a run goes on."""

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Take what was measured at a step: `step/...` of this step, everything else of the epoch that it ends."""

    def close(self) -> None:
        """Bring everything to where it belongs."""


class TensorBoard:
    """Event files in `tensorboard/` of the run's folder.

    Args:
        folder: the run's folder.
        step: steps taken so far; what earlier files say of later steps is hidden.
    """

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(folder / TENSORBOARD, purge_step=step + 1)

    def record(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases; its id is kept in the run's folder, so that a resumed run goes on in the same one.

    Args:
        folder: the run's folder.
        project: the project's name.
        config: the run's options.
    """

    def __init__(self, folder: Path, project: str, config: dict[str, Any]) -> None:
        import wandb

        file = folder / WANDB_RUN
        if not file.exists():
            file.write_text(token_hex(4), encoding="utf-8")
        self._run = wandb.init(
            project=project, name=folder.name, id=file.read_text().strip(), resume="allow", dir=folder, config=config
        )

    def record(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


def require_watchers(tensorboard: bool, wandb_project: str) -> None:
    """Check, before any work, that what is asked for is installed.

    Raises:
        UserError: it is not.
    """
    for package, wanted in (("tensorboard", tensorboard), ("wandb", wandb_project)):
        if wanted and find_spec(package) is None:
            raise UserError(
                f"--{package} needs the package {package}, which is not installed; "
                f"pip install 'nnunetv2-mosmos[{package}]', or leave the option out"
            )


def open_watchers(
    folder: Path, tensorboard: bool, wandb_project: str, config: dict[str, Any], step: int
) -> list[Watcher]:
    """The watchers asked for.

    Args:
        folder: the run's folder.
        tensorboard: whether to write event files.
        wandb_project: project of Weights & Biases; empty for none.
        config: the run's options.
        step: steps taken so far.
    """
    watchers: list[Watcher] = []
    if tensorboard:
        watchers.append(TensorBoard(folder, step))
    if wandb_project:
        watchers.append(WeightsAndBiases(folder, wandb_project, config))
    return watchers
