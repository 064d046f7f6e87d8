"""What tissues look like: CT numbers by contrast phase, MR signal by weighting.

The figures are textbook orders of magnitude chosen so that neighbours overlap (spleen and liver, bowel and pancreas),
not
measurements.
"""

from __future__ import annotations

from typing import NamedTuple

PHASES = ("noncontrast", "arterial", "portal")
WEIGHTINGS = ("T1", "T1 contrast", "T2")


class Tissue(NamedTuple):
    """How one tissue shows.

    Attributes:
        ct: HU for each of `PHASES`. ct_spread: how far patients differ, HU (one standard deviation).
        ct_texture: amplitude of the texture inside, HU.
        mr: signal for each of `WEIGHTINGS`, 1 is bright fat on T1. mr_spread, mr_texture: in units of that signal.
    """

    ct: tuple[float, float, float]
    ct_spread: float
    ct_texture: float
    mr: tuple[float, float, float]
    mr_spread: float
    mr_texture: float


TISSUES: dict[str, Tissue] = {
    "air": Tissue((-1000, -1000, -1000), 0, 0, (0.0, 0.0, 0.0), 0.0, 0.0),
    "gas": Tissue((-950, -950, -950), 15, 20, (0.03, 0.03, 0.03), 0.01, 0.01),
    "fat": Tissue((-102, -102, -100), 6, 9, (0.95, 0.92, 0.68), 0.05, 0.05),
    "skin": Tissue((20, 25, 30), 10, 8, (0.45, 0.5, 0.35), 0.04, 0.03),
    "muscle": Tissue((52, 57, 63), 6, 9, (0.37, 0.42, 0.17), 0.03, 0.03),
    "cortex": Tissue((720, 720, 720), 110, 80, (0.07, 0.07, 0.06), 0.02, 0.02),
    "marrow": Tissue((200, 205, 210), 60, 45, (0.62, 0.62, 0.42), 0.08, 0.06),
    "cartilage": Tissue((95, 95, 100), 18, 14, (0.33, 0.36, 0.24), 0.04, 0.03),
    "disc": Tissue((82, 82, 86), 12, 10, (0.33, 0.34, 0.45), 0.07, 0.04),
    "csf": Tissue((8, 8, 8), 4, 3, (0.16, 0.16, 0.98), 0.03, 0.03),
    "cord": Tissue((34, 36, 38), 5, 4, (0.46, 0.48, 0.42), 0.03, 0.02),
    "brain": Tissue((36, 40, 42), 3, 5, (0.48, 0.51, 0.52), 0.04, 0.05),
    "white_matter": Tissue((29, 31, 32), 3, 4, (0.62, 0.64, 0.36), 0.04, 0.03),
    "cerebellum": Tissue((38, 41, 43), 4, 6, (0.5, 0.53, 0.48), 0.04, 0.06),
    "brainstem": Tissue((31, 34, 35), 3, 4, (0.57, 0.59, 0.42), 0.04, 0.03),
    "eye": Tissue((12, 12, 13), 4, 3, (0.2, 0.21, 0.95), 0.03, 0.03),
    "salivary": Tissue((18, 45, 60), 22, 12, (0.6, 0.7, 0.48), 0.07, 0.05),
    "thyroid": Tissue((105, 165, 160), 22, 10, (0.5, 0.7, 0.55), 0.05, 0.04),
    "mucosa": Tissue((42, 62, 75), 10, 12, (0.42, 0.62, 0.62), 0.06, 0.06),
    "lung": Tissue((-845, -840, -840), 35, 38, (0.06, 0.07, 0.09), 0.02, 0.03),
    "lung_vessel": Tissue((30, 190, 130), 25, 15, (0.28, 0.75, 0.12), 0.05, 0.04),
    "myocardium": Tissue((48, 92, 105), 9, 8, (0.38, 0.52, 0.26), 0.04, 0.03),
    "blood_left": Tissue((42, 300, 150), 22, 8, (0.24, 0.9, 0.2), 0.06, 0.05),
    "blood_right": Tissue((42, 180, 140), 25, 10, (0.26, 0.85, 0.22), 0.06, 0.05),
    "artery": Tissue((42, 310, 155), 25, 7, (0.2, 0.95, 0.12), 0.06, 0.04),
    "vein": Tissue((40, 95, 145), 22, 8, (0.27, 0.85, 0.3), 0.06, 0.04),
    "portal_vein": Tissue((41, 115, 165), 18, 8, (0.28, 0.88, 0.28), 0.06, 0.04),
    "liver": Tissue((57, 72, 112), 11, 9, (0.52, 0.68, 0.27), 0.05, 0.03),
    "spleen": Tissue((49, 118, 122), 11, 9, (0.4, 0.66, 0.43), 0.05, 0.03),
    "kidney_cortex": Tissue((34, 175, 182), 16, 10, (0.5, 0.85, 0.5), 0.05, 0.03),
    "kidney_medulla": Tissue((30, 85, 160), 16, 10, (0.38, 0.68, 0.62), 0.05, 0.03),
    "sinus": Tissue((-55, -50, -45), 25, 22, (0.78, 0.76, 0.68), 0.06, 0.06),
    "urine": Tissue((7, 7, 9), 4, 3, (0.17, 0.18, 0.96), 0.03, 0.02),
    "bile": Tissue((10, 10, 12), 6, 3, (0.3, 0.3, 0.92), 0.13, 0.03),
    "pancreas": Tissue((40, 98, 92), 11, 15, (0.55, 0.75, 0.38), 0.05, 0.06),
    "adrenal": Tissue((22, 52, 62), 13, 8, (0.4, 0.6, 0.33), 0.05, 0.04),
    "bowel_wall": Tissue((42, 82, 90), 10, 14, (0.36, 0.6, 0.34), 0.06, 0.06),
    "bowel": Tissue((26, 44, 52), 16, 24, (0.36, 0.44, 0.5), 0.1, 0.12),
    "stool": Tissue((35, 38, 40), 40, 60, (0.32, 0.36, 0.38), 0.1, 0.14),
    "gastric": Tissue((20, 22, 24), 22, 18, (0.25, 0.27, 0.8), 0.12, 0.08),
    "esophagus": Tissue((40, 62, 72), 9, 14, (0.38, 0.52, 0.36), 0.05, 0.06),
    "prostate": Tissue((38, 58, 68), 8, 10, (0.38, 0.5, 0.45), 0.05, 0.06),
    "uterus": Tissue((45, 80, 98), 11, 12, (0.38, 0.6, 0.48), 0.05, 0.05),
    "rectum": Tissue((38, 52, 60), 15, 26, (0.37, 0.46, 0.42), 0.08, 0.1),
    "cyst": Tissue((6, 7, 8), 5, 3, (0.16, 0.17, 0.97), 0.03, 0.02),
    "mass": Tissue((38, 66, 68), 14, 20, (0.38, 0.5, 0.6), 0.06, 0.08),
    "hypervascular": Tissue((45, 165, 128), 18, 18, (0.38, 0.85, 0.62), 0.06, 0.06),
    "calcification": Tissue((420, 420, 420), 140, 40, (0.06, 0.06, 0.05), 0.02, 0.01),
    "hemorrhage": Tissue((68, 68, 69), 7, 6, (0.72, 0.74, 0.6), 0.1, 0.06),
    "nodule": Tissue((28, 55, 62), 14, 14, (0.36, 0.52, 0.5), 0.06, 0.06),
    "fluid": Tissue((9, 10, 12), 5, 4, (0.2, 0.2, 0.92), 0.05, 0.03),
}
