"""Controls: the same training with one ingredient left out, so that a gain can be put down to the right one."""

from __future__ import annotations

from nnunetv2_mosmos.settings import Recipe
from nnunetv2_mosmos.trainers.nnUNetTrainerMOSMOS import nnUNetTrainerMOSMOS


class nnUNetTrainerMOSMOS_scratch(nnUNetTrainerMOSMOS):
    """Random encoder, no maps, our schedule; needs no bundle."""

    recipe = Recipe(encoder=False, maps=False)


class nnUNetTrainerMOSMOS_encoderOnly(nnUNetTrainerMOSMOS):
    """The bundle's encoder, no maps."""

    recipe = Recipe(maps=False)


class nnUNetTrainerMOSMOS_mapsOnly(nnUNetTrainerMOSMOS):
    """Random encoder, maps of the bundle's tags, auxiliary loss."""

    recipe = Recipe(encoder=False)


class nnUNetTrainerMOSMOS_randomTags(nnUNetTrainerMOSMOS):
    """The bundle's encoder and maps, but random tag embeddings."""

    recipe = Recipe(random_tags=True)
