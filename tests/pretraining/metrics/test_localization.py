import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pretraining.metrics.localization import FEWEST_PIXELS, LEVELS, localize, mean_localization

MASK = np.zeros((10, 10), bool)
MASK[2:4, 2:7] = True


def test_a_map_of_the_organ_is_perfect_and_its_opposite_the_worst():
    perfect, worst = localize(MASK.astype(float), MASK), localize(-MASK.astype(float), MASK)
    assert (perfect.auroc, perfect.average_precision, perfect.hit) == (1.0, 1.0, True)
    assert (worst.auroc, worst.hit) == (0.0, False)
    assert perfect.prevalence == pytest.approx(0.1)


def test_auroc_is_the_chance_that_an_organ_pixel_outranks_another():
    values = np.random.default_rng(0).normal(size=MASK.shape)
    pairs = values[MASK][:, None] > values[~MASK][None, :]
    assert localize(values, MASK).auroc == pytest.approx(pairs.mean())


def test_what_the_network_did_not_see_does_not_count():
    values = MASK.astype(float)
    values[5:] = np.nan
    assert localize(values, MASK).prevalence == pytest.approx(10 / 50)


def test_an_organ_that_is_not_there_gives_no_figure():
    assert localize(np.zeros((4, 4)), np.zeros((4, 4), bool)) is None
    assert mean_localization({"liver": []}) == {}


@pytest.mark.parametrize("pixels", [2_000, LEVELS + 5_000])
def test_figures_equal_those_of_sorting_with_ties(pixels):
    random = np.random.default_rng(1)
    mask = random.random(pixels) < 0.1
    values = np.where(random.random(pixels) < 0.3, 0.5, random.random(pixels) + 0.3 * mask)
    found = localize(values, mask)
    assert found.auroc == pytest.approx(roc_auc_score(mask, values), abs=1e-4)
    assert found.average_precision == pytest.approx(average_precision_score(mask, values), abs=1e-3)


def test_a_sliver_gives_no_figure():
    mask = np.zeros((10, 10), bool)
    mask[0, : FEWEST_PIXELS - 1] = True
    assert localize(np.zeros((10, 10)), mask) is None


def test_a_flat_map_is_chance():
    assert localize(np.zeros((10, 10)), MASK).auroc == 0.5
