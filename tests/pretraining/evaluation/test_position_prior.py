import numpy as np
import pytest

from pretraining.evaluation.position_prior import LATTICE, PositionPrior

SIDE = LATTICE[2]


def mask_at(row):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[row : row + 4] = True
    return mask


def test_it_is_the_mean_mask_of_the_others():
    masks = {"a": mask_at(2), "b": mask_at(4), "c": mask_at(20)}
    prior = PositionPrior(["c"])
    for patient, mask in masks.items():
        prior.add(patient, [("liver", mask)])
    np.testing.assert_allclose(prior.at("liver", "c", (SIDE, SIDE)), masks["a"].astype(float) + masks["b"])


def test_images_of_any_size_are_compared_by_their_borders():
    prior = PositionPrior(["b"])
    big = np.zeros((16 * SIDE, 8 * SIDE), bool)
    big[: 8 * SIDE] = True
    prior.add("a", [("liver", big)])
    guess = prior.at("liver", "b", (10, 6))
    assert (guess[:5] > 0.5).all()
    assert (guess[5:] < 0.5).all()


def test_volumes():
    prior = PositionPrior(["b"])
    mask = np.zeros((32, 32, 32), bool)
    mask[:16] = True
    prior.add("a", [("liver", mask)])
    assert prior.at("liver", "b", (8, 8, 8))[:4].mean() == pytest.approx(1)


def test_no_other_patient_no_guess():
    prior = PositionPrior(["a"])
    prior.add("a", [("liver", mask_at(2))])
    prior.add("a", [("liver", mask_at(4))])
    assert prior.at("liver", "a", (8, 8)) is None
    assert prior.at("spleen", "a", (8, 8)) is None
