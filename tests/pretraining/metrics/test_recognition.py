import numpy as np
import pytest

from pretraining.metrics.recognition import mean_known, tag_scores, within_regions


def test_unknown_studies_are_left_out_and_one_sided_tags_have_no_score():
    logits = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [9.0, 4.0]])
    targets = np.array([[1, 1], [0, 1], [1, 1], [-1, 1]])
    scores = tag_scores(logits, targets)
    assert scores["auc"] == [0.5, None]
    assert scores["ap"][0] == pytest.approx((1 + 2 / 3) / 2)
    assert mean_known(scores["auc"]) == 0.5
    assert mean_known([None]) is None


def test_within_regions_only_covered_studies_are_negatives():
    targets = np.array([[1, 0], [0, 0], [-1, 1]])
    covered = np.array([[False, True], [False, False], [True, True]])
    assert within_regions(targets, covered).tolist() == [[1, 0], [-1, -1], [-1, 1]]
