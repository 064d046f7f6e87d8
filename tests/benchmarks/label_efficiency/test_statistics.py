import numpy as np
import pytest

from benchmarks.label_efficiency.statistics import (
    REPLICATES,
    SEED,
    bootstrap,
    cell_scores,
    collapsed,
    paired_difference,
    summarize,
)

SHAPE = (3, 4, 6, 2)


@pytest.fixture
def scores():
    """Random Dice with an organ that some cases lack and two cells that have not run."""
    scores = np.random.default_rng(1).uniform(0, 1, SHAPE)
    scores[:, :, ::3, 1] = np.nan
    scores[1, 2] = scores[2, 0] = np.nan
    return scores


def naive_cell(cases):
    """Mean over organs of the mean over the cases that have the organ."""
    organs = []
    for organ in range(cases.shape[1]):
        there = [value for value in cases[:, organ] if not np.isnan(value)]
        if there:
            organs.append(sum(there) / len(there))
    return sum(organs) / len(organs) if organs else float("nan")


def test_a_cells_score_is_the_mean_over_organs_of_the_mean_over_cases(scores):
    expected = [[naive_cell(scores[p, f]) for f in range(SHAPE[1])] for p in range(SHAPE[0])]
    np.testing.assert_allclose(cell_scores(scores), expected)


def test_the_interval_is_that_of_drawing_seeds_and_cases_one_by_one(scores):
    reference = np.random.default_rng(2).uniform(0, 1, (1, *SHAPE[1:]))
    generator = np.random.default_rng(SEED)
    counts = [generator.multinomial(length, [1 / length] * length, size=REPLICATES) for length in SHAPE[:3]]
    means = []
    for draw in range(REPLICATES):
        ps, fs, cs = (np.repeat(np.arange(len(count[draw])), count[draw]) for count in counts)
        differences = [naive_cell(scores[p, f][cs]) - naive_cell(reference[0, f][cs]) for p in ps for f in fs]
        means.append(np.nanmean(differences))
    estimate = bootstrap(scores, reference)
    np.testing.assert_allclose([estimate.low, estimate.high], np.percentile(means, (2.5, 97.5)))
    np.testing.assert_allclose(estimate.mean, np.nanmean(cell_scores(scores) - cell_scores(reference)))


def test_a_difference_counts_only_cells_that_both_arms_have():
    scores = np.full((3, 2, 4, 1), np.nan)
    scores[0, 1] = 0.7
    reference = np.concatenate([np.zeros((1, 1, 4, 1)), np.full((1, 1, 4, 1), 0.4)], 1)
    found = paired_difference(scores, reference)
    assert (found.mean, found.low, found.high) == pytest.approx((0.3, 0.3, 0.3))
    scores[0, 1], scores[0, 0] = np.nan, 0.7
    assert paired_difference(scores, np.where(reference > 0, reference, np.nan)) is None


def test_pairing_removes_what_seeds_and_cases_have_in_common(scores):
    better = paired_difference(scores + 0.05, scores)
    assert (better.low, better.high) == pytest.approx((0.05, 0.05))
    alone = bootstrap(scores)
    assert alone.high - alone.low > 0.05


def test_spreads_tell_the_two_kinds_of_seeds_apart():
    by_finetuning = np.broadcast_to(np.array([0.2, 0.4, 0.6])[None, :, None, None], (2, 3, 5, 1))
    found = summarize(by_finetuning)
    assert (found.finetuning_sd, found.pretraining_sd) == pytest.approx((0.2, 0.0))
    assert np.isnan(summarize(by_finetuning[:1]).pretraining_sd)
    assert found.cells == 6


def test_where_each_pretraining_has_a_finetuning_seed_of_its_own_the_pairs_are_drawn(scores):
    pairs = np.full((3, 3, *SHAPE[2:]), np.nan)
    for seed in range(3):
        pairs[seed, seed] = scores[0, seed]
    reference = scores[1:2, [0, 1, 3]]
    assert bootstrap(pairs) == bootstrap(scores[:1, :3])
    assert bootstrap(pairs, reference) == bootstrap(scores[:1, :3], reference)
    # Their spread is that of both seeds together.
    assert np.isnan(summarize(pairs).pretraining_sd)
    assert summarize(pairs).finetuning_sd > 0


def test_an_organ_collapsed_when_its_mean_over_cases_is_near_zero():
    scores = np.full((1, 2, 4, 3), 0.8)
    scores[0, 0, :, 0] = 0.04
    scores[0, 0, :, 1] = [0.0, 0.0, 0.0, 0.4]
    scores[0, 1] = np.nan
    np.testing.assert_array_equal(collapsed(scores), [[1, np.nan]])
    assert summarize(scores).collapsed == 1


def test_seeds_that_have_not_run_do_not_widen_the_interval(scores):
    started = np.full((3, 5, *SHAPE[2:]), np.nan)
    started[:2, :2] = scores[:2, :2]
    assert bootstrap(started) == bootstrap(scores[:2, :2])
