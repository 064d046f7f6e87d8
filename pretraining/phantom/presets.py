"""Named populations."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pretraining.errors import UserError
from pretraining.phantom.acquisition import Protocol
from pretraining.phantom.appearance import Look
from pretraining.phantom.patient import Habits
from pretraining.phantom.reports.report import Reporting
from pretraining.phantom.study import Population


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a data set is drawn from.

    Attributes:
        pretraining_2d, pretraining_3d: populations of the image-report pairs. labelled: population of the labelled
            volumes.
        organs: tag ids that are labelled there, in the order of their label values. studies_per_patient: of the pairs.
    """

    pretraining_2d: Population
    pretraining_3d: Population
    labelled: Population
    organs: tuple[str, ...]
    reporting: Reporting
    studies_per_patient: int


ABDOMINAL = (
    "liver", "spleen", "kidney_left", "kidney_right", "stomach", "pancreas", "gallbladder", "duodenum", "aorta",
    "inferior_vena_cava", "portal_vein_and_splenic_vein", "adrenal_gland_left", "adrenal_gland_right", "esophagus",
    "colon",
)  # fmt: skip

_HABITS = Habits()
_LOOK = Look()
_DEFAULT = Preset(
    pretraining_2d=Population(habits=_HABITS, protocol=Protocol(size=(128, 128), spacing=(3.2, 3.2)), look=_LOOK),
    pretraining_3d=Population(
        habits=_HABITS, protocol=Protocol(size=(64, 128, 128), spacing=(4.5, 3.2, 3.2)), look=_LOOK
    ),
    labelled=Population(
        habits=_HABITS,
        protocol=Protocol(size=(64, 128, 128), spacing=(4.5, 3.2, 3.2), regions=("abdomen",), modalities=("CT",)),
        look=_LOOK,
    ),
    organs=ABDOMINAL,
    reporting=Reporting(),
    studies_per_patient=2,
)
_SHIFTED_LOOK = Look(
    ct_noise=(18, 42), mr_noise=(0.04, 0.09), texture=1.5, spread=1.6, shading=(0.3, 0.6), blur=(0.4, 1.0)
)
_EASY_LOOK = Look(
    ct_noise=(4, 9), mr_noise=(0.01, 0.03), texture=0.5, spread=0.4, shading=(0.05, 0.15), blur=(0, 0.3),
    window_low=(-200, -200), window_high=(250, 250),
)  # fmt: skip
_EASY_HABITS = Habits(
    spread=0.6, lesions=1.0, densities=0.3, sizes=0.5, effusions=0.0,
    build={"spleen": 1.4, "kidney_left": 1.25, "kidney_right": 1.25, "stomach": 1.1, "heart": 1.1},
)  # fmt: skip
# Where an organ is missing at random, and nothing else in the slice tells, only a look at it shows whether it is there:
# tags then teach where organs are. Slices of many levels do not: any part of the level gives the whole level away.
_INCOMPLETE = {
    "liver": 0.45, "spleen": 0.45, "kidney_left": 0.45, "kidney_right": 0.45, "stomach": 0.45, "pancreas": 0.4,
    "gallbladder": 0.4,
}  # fmt: skip
# Portal venous phase: kidneys, spleen and liver stand out.
_EASY_CONTRASTS = (0.0, 0.0, 1.0)
_DEMO = Preset(
    pretraining_2d=Population(
        habits=replace(_EASY_HABITS, never_formed=_INCOMPLETE),
        protocol=Protocol(
            size=(40, 40),
            spacing=(5.5, 5.5),
            modalities=("CT",),
            regions=("abdomen",),
            contrasts=_EASY_CONTRASTS,
            spans={"abdomen": (5, 50)},
            key_slices=0.0,
            follows_body=False,
            zoom=(0.9, 1.1),
            shift=25.0,
            partial=0.0,
        ),
        look=_EASY_LOOK,
    ),
    pretraining_3d=Population(
        habits=_EASY_HABITS,
        protocol=Protocol(
            size=(24, 32, 32),
            spacing=(9.5, 10.0, 10.0),
            modalities=("CT",),
            regions=("abdomen", "chest", "pelvis"),
            follows_body=False,
            contrasts=_EASY_CONTRASTS,
        ),
        look=_EASY_LOOK,
    ),
    labelled=Population(
        habits=_EASY_HABITS,
        protocol=Protocol(
            size=(32, 32, 36),
            spacing=(6.5, 5.8, 5.8),
            modalities=("CT",),
            regions=("abdomen",),
            contrasts=_EASY_CONTRASTS,
            spans={"abdomen": (-30, 150)},
            follows_body=False,
            zoom=(0.95, 1.05),
            shift=4.0,
            partial=0.0,
        ),
        look=_EASY_LOOK,
    ),
    # In 250 iterations nnU-Net does not learn the spleen, which is as bright as the liver.
    organs=("liver", "kidney"),
    reporting=Reporting(abnormal=1.0, normal=0.85, absent=0.95, minor=0.1, outside=0.7),
    studies_per_patient=2,
)


def _with_look(preset: Preset, look: Look) -> Preset:
    populations = {
        name: replace(getattr(preset, name), look=look) for name in ("pretraining_2d", "pretraining_3d", "labelled")
    }
    return replace(preset, **populations)


PRESETS: dict[str, Preset] = {
    "default": _DEFAULT,
    "shifted": _with_look(_DEFAULT, _SHIFTED_LOOK),
    "demo": _DEMO,
}


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        UserError: there is none.
    """
    if name not in PRESETS:
        raise UserError(f"there is no preset '{name}': choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
