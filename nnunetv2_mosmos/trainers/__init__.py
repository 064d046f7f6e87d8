"""The trainers that `nnUNetv2_train -tr NAME` knows once this package is installed."""

from nnunetv2_mosmos.trainers.any_network import (
    nnUNetTrainerMOSMOS_anyNetwork,
    nnUNetTrainerMOSMOS_anyNetwork_smoke,
)
from nnunetv2_mosmos.trainers.controls import (
    nnUNetTrainerMOSMOS_encoderOnly,
    nnUNetTrainerMOSMOS_mapsOnly,
    nnUNetTrainerMOSMOS_randomTags,
    nnUNetTrainerMOSMOS_scratch,
)
from nnunetv2_mosmos.trainers.mirroring import (
    nnUNetTrainerMOSMOS_anyNetwork_onlyMirror01,
    nnUNetTrainerMOSMOS_onlyMirror01,
    nnUNetTrainerMOSMOS_UNETR_onlyMirror01,
)
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS
from nnunetv2_mosmos.trainers.unetr import (
    nnUNetTrainerMOSMOS_UNETR,
    nnUNetTrainerMOSMOS_UNETR_demo,
    nnUNetTrainerMOSMOS_UNETR_smoke,
)
from nnunetv2_mosmos.trainers.variants import (
    nnUNetTrainerMOSMOS_5epochs,
    nnUNetTrainerMOSMOS_50epochs,
    nnUNetTrainerMOSMOS_250epochs,
    nnUNetTrainerMOSMOS_demo,
    nnUNetTrainerMOSMOS_scratch_demo,
    nnUNetTrainerMOSMOS_scratch_smoke,
    nnUNetTrainerMOSMOS_smoke,
)

__all__ = [
    "nnUNetTrainerMOSMOS",
    "nnUNetTrainerMOSMOS_5epochs",
    "nnUNetTrainerMOSMOS_50epochs",
    "nnUNetTrainerMOSMOS_250epochs",
    "nnUNetTrainerMOSMOS_UNETR",
    "nnUNetTrainerMOSMOS_UNETR_demo",
    "nnUNetTrainerMOSMOS_UNETR_onlyMirror01",
    "nnUNetTrainerMOSMOS_UNETR_smoke",
    "nnUNetTrainerMOSMOS_anyNetwork",
    "nnUNetTrainerMOSMOS_anyNetwork_onlyMirror01",
    "nnUNetTrainerMOSMOS_anyNetwork_smoke",
    "nnUNetTrainerMOSMOS_demo",
    "nnUNetTrainerMOSMOS_encoderOnly",
    "nnUNetTrainerMOSMOS_mapsOnly",
    "nnUNetTrainerMOSMOS_onlyMirror01",
    "nnUNetTrainerMOSMOS_randomTags",
    "nnUNetTrainerMOSMOS_scratch",
    "nnUNetTrainerMOSMOS_scratch_demo",
    "nnUNetTrainerMOSMOS_scratch_smoke",
    "nnUNetTrainerMOSMOS_smoke",
]
