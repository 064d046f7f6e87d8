import pytest
import torch
from torch.nn import functional

from pretraining.metrics.retrieval import CHUNK, best_matches, chance_levels, ranks, retrieval_scores


def naive_rank(i, queries, targets, groups):
    scores = [float(queries[i] @ target) for target in targets]
    return 1 + sum(scores[j] > scores[i] for j in range(len(scores)) if groups[j] != groups[i])


def test_chunked_ranks_equal_a_naive_loop():
    studies = CHUNK + 37
    generator = torch.Generator().manual_seed(0)
    queries = functional.normalize(torch.randn(studies, 4, generator=generator, dtype=torch.float64), dim=-1)
    targets = functional.normalize(queries + torch.randn(studies, 4, generator=generator, dtype=torch.float64), dim=-1)
    groups = torch.arange(studies) // 2
    some = [0, 1, CHUNK - 1, CHUNK, studies - 1]
    places = ranks(queries, targets, groups)
    assert [float(places[i]) for i in some] == [naive_rank(i, queries, targets, groups) for i in some]


def test_perfect_and_reversed_retrieval():
    images = functional.normalize(torch.randn(30, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    perfect = retrieval_scores(images, images, torch.arange(30))
    assert perfect["image_to_report_r1"] == 1.0
    assert perfect["report_to_image_median_rank"] == 1.0
    worst = retrieval_scores(images, -images, torch.arange(30))
    assert worst["image_to_report_r10"] == 0.0


@pytest.mark.parametrize("distinct", [{"image": 1, "report": 1}, {"image": 1, "report": 301}])
@pytest.mark.parametrize("size", [4, 64, 512])
def test_an_encoder_that_finds_images_alike_is_not_rewarded(size, distinct):
    generator = torch.Generator().manual_seed(1)
    images, reports = (
        functional.normalize(torch.randn(count, size, generator=generator), dim=-1).expand(301, -1).contiguous()
        for count in distinct.values()
    )
    scores = retrieval_scores(images, reports, torch.arange(301))
    # A report finds all images alike; an image, only where the reports are, too.
    assert scores["report_to_image_median_rank"] == pytest.approx(151)
    assert scores["report_to_image_r10"] == 0.0
    assert scores["image_to_report_median_rank"] == pytest.approx(151)
    assert scores["image_to_report_r1"] == (0.0 if distinct["report"] == 1 else pytest.approx(1 / 301))


def test_chance_levels_are_what_random_vectors_reach():
    groups = torch.tensor([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    chance = chance_levels(groups)
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(400):
        images, reports = (functional.normalize(torch.randn(12, 16, generator=generator), dim=-1) for _ in range(2))
        found.append(retrieval_scores(images, reports, groups))
    for name in ("r1", "r5", "r10"):
        mean = sum(scores[f"image_to_report_{name}"] for scores in found) / len(found)
        assert chance[name] == pytest.approx(mean, abs=0.02)
    mean = sum(scores["report_to_image_median_rank"] for scores in found) / len(found)
    assert chance["median_rank"] == pytest.approx(mean, abs=0.7)


def test_best_matches_are_the_most_similar():
    targets = torch.eye(5)
    query = functional.normalize(torch.tensor([[0.1, 0.0, 0.9, 0.3, 0.0]]), dim=-1)
    assert best_matches(query, targets, 3).tolist() == [[2, 3, 0]]
