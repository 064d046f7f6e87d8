import numpy as np
import pytest

from pretraining.metrics.calibration import base_rate_brier, brier, calibration_error, reliability


def test_bins_have_equal_mass_and_the_error_is_their_weighted_distance():
    random = np.random.default_rng(0)
    probability = random.random(103)
    truth = (random.random(103) < probability**2).astype(int)
    table = reliability(probability, truth, bins=10)
    assert {row["entries"] for row in table} == {10, 11}
    pairs = sorted(zip(probability, truth, strict=True))
    error, start = 0.0, 0
    for row in table:
        part = pairs[start : start + row["entries"]]
        start += row["entries"]
        error += abs(sum(p for p, _ in part) - sum(t for _, t in part)) / 103
        assert (row["lowest"], row["highest"]) == (part[0][0], part[-1][0])
    assert start == 103
    assert calibration_error(table) == pytest.approx(error)


def test_equal_probabilities_count_alike_in_whatever_order_they_come():
    truth = np.repeat([0, 1], 150)
    assert calibration_error(reliability(np.full(300, 0.5), truth)) == pytest.approx(0)
    assert calibration_error(reliability(np.full(300, 0.8), truth)) == pytest.approx(0.3)


def test_brier_by_hand_and_what_the_base_rate_gives():
    truth = np.array([1, 0, 0, 1])
    assert brier(np.array([0.9, 0.2, 0.5, 1.0]), truth) == pytest.approx((0.01 + 0.04 + 0.25) / 4)
    assert base_rate_brier(truth) == brier(np.full(4, 0.5), truth)


def test_fewer_entries_than_bins():
    assert [row["entries"] for row in reliability(np.array([0.1, 0.7]), np.array([0, 1]))] == [1, 1]
