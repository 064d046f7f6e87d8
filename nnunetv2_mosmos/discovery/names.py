"""The names under which nnU-Net finds our trainers (`-tr NAME`), known without importing torch or nnU-Net."""

# By `Recipe.network`.
TRAINER_OF_NETWORK = {
    "unet": "nnUNetTrainerMOSMOS",
    "unetr": "nnUNetTrainerMOSMOS_UNETR",
    "any": "nnUNetTrainerMOSMOS_anyNetwork",
}
# The same trainers without mirroring along the patient's left-right axis.
UNMIRRORED = "_onlyMirror01"

TRAINER_NAMES = (
    "nnUNetTrainerMOSMOS",
    "nnUNetTrainerMOSMOS_250epochs",
    "nnUNetTrainerMOSMOS_50epochs",
    "nnUNetTrainerMOSMOS_5epochs",
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
)
