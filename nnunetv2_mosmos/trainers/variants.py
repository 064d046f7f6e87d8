"""The trainer on other schedules."""

from __future__ import annotations

from nnunetv2_mosmos.trainers.controls import nnUNetTrainerMOSMOS_scratch
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.schedule import Schedule

DEMO = Schedule(epochs=10, iterations=25, validation_iterations=5)
SMOKE = Schedule(epochs=2, iterations=2, validation_iterations=1)


class nnUNetTrainerMOSMOS_demo(nnUNetTrainerMOSMOS):
    """Minutes on a CPU, for small synthetic volumes."""

    schedule = DEMO


class nnUNetTrainerMOSMOS_smoke(nnUNetTrainerMOSMOS):
    """Shows in seconds that a set-up works; learns nothing."""

    schedule = SMOKE


class nnUNetTrainerMOSMOS_scratch_demo(nnUNetTrainerMOSMOS_scratch):
    """The control of `nnUNetTrainerMOSMOS_demo`."""

    schedule = DEMO


class nnUNetTrainerMOSMOS_scratch_smoke(nnUNetTrainerMOSMOS_scratch):
    """The control of `nnUNetTrainerMOSMOS_smoke`."""

    schedule = SMOKE


class nnUNetTrainerMOSMOS_5epochs(nnUNetTrainerMOSMOS):
    """5 epochs of nnU-Net's length."""

    schedule = Schedule(epochs=5)


class nnUNetTrainerMOSMOS_50epochs(nnUNetTrainerMOSMOS):
    """50 epochs of nnU-Net's length."""

    schedule = Schedule(epochs=50)


class nnUNetTrainerMOSMOS_250epochs(nnUNetTrainerMOSMOS):
    """250 epochs of nnU-Net's length."""

    schedule = Schedule(epochs=250)
