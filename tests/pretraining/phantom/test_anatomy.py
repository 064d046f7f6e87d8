import numpy as np
import pytest

from pretraining.phantom.grid import Grid
from pretraining.phantom.organs import LABELS, ORGANS, members
from pretraining.phantom.render import paint
from pretraining.phantom.tissues import PHASES, TISSUES, WEIGHTINGS

VALUES = {name: tissue.ct[2] for name, tissue in TISSUES.items()}


@pytest.fixture(scope="module")
def whole_body(reference_body):
    grid = Grid(size=(130, 44, 64), spacing=(8, 6, 6), center=(150, 5, 0))
    return grid, paint(reference_body, grid, VALUES, magnetic=False)


@pytest.fixture(scope="module")
def centers(whole_body):
    """Organ to the middle of its voxels, mm, as z, y, x."""
    grid, painting = whole_body
    found = {}
    for organ, value in LABELS.items():
        indices = np.argwhere(painting.organs == value)
        if len(indices):
            found[organ] = indices.mean(0) * grid.spacing + grid.origin
    return found


def test_every_organ_is_in_a_whole_body(centers, reference_body):
    other_sex = {"female": "prostate", "male": "uterus"}[reference_body.traits.sex]
    # On 6 mm voxels the adrenal limbs, 4 mm thin, may fall between.
    assert set(ORGANS) - set(centers) <= {other_sex, "adrenal_gland_left", "adrenal_gland_right"}


@pytest.mark.parametrize("organ", [organ for organ in ORGANS if organ.endswith("_left")])
def test_left_organs_lie_to_the_left_of_right_ones(organ, centers):
    if organ in centers:
        assert centers[organ][2] > 0 > centers[organ.replace("_left", "_right")][2]


@pytest.mark.parametrize(
    ("organ", "axis", "more_than"),
    [
        ("spleen", 2, "liver"),  # the liver is on the right
        ("heart", 2, "liver"),
        ("stomach", 2, "liver"),
        ("vertebrae", 1, "aorta"),  # the spine is behind
        ("kidney_left", 1, "stomach"),
        ("rectum", 1, "urinary_bladder"),
        ("esophagus", 1, "trachea"),
        ("lung_left", 0, "spleen"),  # upwards
        ("heart", 0, "liver"),
        ("brain", 0, "thyroid_gland"),
        ("thyroid_gland", 0, "heart"),
        ("liver", 0, "urinary_bladder"),
        ("kidney_left", 0, "kidney_right"),
        ("cerebellum", 1, "eye_left"),
    ],
)
def test_organs_lie_where_they_belong(organ, axis, more_than, centers):
    assert centers[organ][axis] > centers[more_than][axis]


@pytest.mark.parametrize(
    ("organ", "low", "high"),
    [
        ("liver", 900, 2200),
        ("spleen", 90, 350),
        ("kidney_left", 90, 260),
        ("heart", 300, 900),
        ("lung_right", 1200, 3800),
        ("brain", 700, 1600),
    ],
)
def test_organs_have_plausible_volumes_in_ml(organ, low, high, whole_body):
    grid, painting = whole_body
    volume = (painting.organs == LABELS[organ]).sum() * np.prod(grid.spacing) / 1000
    assert low < volume < high


def test_lungs_are_dark_bones_are_bright_and_air_is_outside(whole_body):
    _, painting = whole_body
    signal = {
        organ: float(np.median(painting.signal[painting.organs == LABELS[organ]]))
        for organ in ("lung_left", "liver", "skull")
    }
    assert signal["lung_left"] < -500 < signal["liver"] < 200 < signal["skull"]
    assert painting.signal[:, 0, 0].max() < -900


def test_every_tissue_has_a_value_for_every_phase_and_weighting():
    for tissue in TISSUES.values():
        assert len(tissue.ct) == len(PHASES)
        assert len(tissue.mr) == len(WEIGHTINGS)
        assert min(tissue.mr) >= 0


def test_organs_and_their_pairs_are_tags(vocabulary):
    for organ in ORGANS.values():
        assert organ.id in vocabulary
        if organ.pair:
            assert organ.pair in vocabulary.parents(organ.id)
            assert members(organ.pair) == (f"{organ.pair}_right", f"{organ.pair}_left")
    assert members("not_an_organ") == ()
