"""What the demo runs: how much of everything, where it goes, what it must reach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pretraining.phantom.presets import find_preset

DATASET = 701
DATASET_NAME = f"Dataset{DATASET}_MOSMOSdemo"
CONFIGURATIONS = ("2d", "3d_fullres")
CONTROLLED = "2d"
"""The configuration that is also trained from scratch; the other one would take half as long again as all the rest."""

LEAST_DICE = 0.5
"""Mean Dice over organs and test cases that each configuration must reach."""
LEAST_PRECISION = 2.0
"""Mean average precision of the attention maps of `MISSING_AT_RANDOM` on held-out studies, in units of chance.

Three seeds of pretraining reached 11.3, 9.5 and 7.5. (AUROC, .69, .81 and .55, also weighs places where a map is low.)
"""
MISSING_AT_RANDOM = tuple(find_preset("demo").pretraining_2d.habits.never_formed)
"""Organs that many of the demo's patients lack: only of these can tags teach where they are."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Size of a demo.

    Attributes:
        studies: image-report pairs; a tenth is held out to evaluate on, a tenth to validate on.
        labelled, test: labelled cases to finetune on and to score predictions on.
        epochs: of pretraining. trainer: nnU-Net trainer. control: the same without pretraining. trainer_epochs: the
            epochs of both, for the progress bar.
        judged: whether too low a score makes the demo fail.
    """

    studies: int = 1400
    labelled: int = 12
    test: int = 4
    epochs: int = 8
    trainer: str = "nnUNetTrainerMOSMOS_demo"
    control: str = "nnUNetTrainerMOSMOS_scratch_demo"
    trainer_epochs: int = 10
    judged: bool = True


FULL = Settings()
QUICK = Settings(
    studies=96,
    labelled=5,
    test=2,
    epochs=1,
    trainer="nnUNetTrainerMOSMOS_smoke",
    control="nnUNetTrainerMOSMOS_scratch_smoke",
    trainer_epochs=2,
    judged=False,
)


@dataclass(frozen=True)
class Folders:
    """Where everything goes, below one output folder."""

    root: Path

    @property
    def phantom(self) -> Path:
        """Synthetic patients."""
        return self.root / "phantom"

    @property
    def prepared(self) -> Path:
        """What `prepare` writes."""
        return self.root / "prepared"

    @property
    def run(self) -> Path:
        """The pretraining run."""
        return self.root / "pretraining"

    @property
    def evaluation(self) -> Path:
        """What `evaluate` found on the held-out studies."""
        return self.root / "evaluation.json"

    @property
    def bundle(self) -> Path:
        """The exported bundle."""
        return self.root / "bundle"

    @property
    def raw(self) -> Path:
        """The labelled data set, as nnU-Net reads it."""
        return self.root / "nnUNet_raw" / DATASET_NAME

    def model(self, configuration: str, trainer: str) -> Path:
        """nnU-Net's folder of fold 0."""
        return self.root / "nnUNet_results" / DATASET_NAME / f"{trainer}__nnUNetPlans__{configuration}" / "fold_0"

    def predictions(self, configuration: str, trainer: str) -> Path:
        """Predicted test cases."""
        return self.root / "predictions" / f"{trainer}__{configuration}"

    @property
    def environment(self) -> dict[str, str]:
        """nnU-Net's variables: its folders, and one worker process, because each costs seconds of imports.

        Threads that wait must sleep: where other work shares the cores, threads that spin make small networks ten times
        slower.
        """
        folders = {name: str(self.root / name) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results")}
        return {**folders, "nnUNet_def_n_proc": "1", "nnUNet_n_proc_DA": "1", "OMP_WAIT_POLICY": "PASSIVE"}
