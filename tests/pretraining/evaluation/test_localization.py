import numpy as np
import pytest

from pretraining.evaluation.localization import localize, mean_localization

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
