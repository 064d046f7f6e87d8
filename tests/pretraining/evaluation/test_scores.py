import numpy as np
import pytest
import torch
from torch.nn import functional

from pretraining.evaluation.observations import Localized, Observations
from pretraining.evaluation.scores import score_groups
from pretraining.metrics.localization import Localization
from pretraining.studies.manifest import Study

TAGS = ("liver", "heart")


@pytest.fixture
def seen():
    """30 studies: 20 of the abdomen, 5 of chest and abdomen, 5 of no known region; perfect retrieval, noisy logits."""
    random = np.random.default_rng(0)
    regions = [("abdomen",)] * 20 + [("chest", "abdomen")] * 5 + [()] * 5
    studies = tuple(
        Study(id=f"s{row}", patient=f"s{row}", split="test", images=("x",), regions=own, modality="CT" if row else "MR")
        for row, own in enumerate(regions)
    )
    embeddings = functional.normalize(torch.randn(30, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    figures = [Localization(value, value, value > 0.5, 0.1) for value in (0.2, 0.4, 0.9)]
    return Observations(
        studies=studies,
        tag_ids=TAGS,
        logits=random.normal(size=(30, 2)).astype(np.float32),
        targets=random.integers(-1, 2, (30, 2)).astype(np.int8),
        covered=np.array([["abdomen" in own, "chest" in own] for own in regions]),
        images=embeddings,
        reports=embeddings,
        groups=torch.arange(30),
        localized=(
            Localized(0, 0, "liver", figures[0], figures[2], figures[1]),
            Localized(1, 1, "liver", figures[1], None, figures[1]),
            Localized(21, 21, "heart", figures[2], figures[1], figures[0]),
        ),
    )


def test_a_study_counts_in_each_of_its_regions_and_few_are_marked(seen):
    scores = score_groups(seen)
    found = {name: (group["studies"], group["few"]) for name, group in scores["regions"].items()}
    assert found == {"abdomen": (25, False), "chest": (5, True), "unknown": (5, True)}
    assert {name: group["studies"] for name, group in scores["modalities"].items()} == {"CT": 29, "MR": 1}


def test_the_candidates_are_the_studies_of_the_group(seen):
    scores = score_groups(seen)
    assert scores["overall"]["retrieval"]["image_to_report"]["r1"] == {
        "value": 1.0,
        "chance": pytest.approx(1 / 30),
    }
    assert scores["regions"]["chest"]["retrieval"]["report_to_image"]["r1"]["chance"] == pytest.approx(1 / 5)
    assert "not_available" in scores["modalities"]["MR"]["retrieval"]


def test_counts_brier_and_the_base_rate_of_a_tag(seen):
    found = score_groups(seen)["overall"]["tags"]["per_tag"]["heart"]
    known = [
        (1 / (1 + np.exp(-float(z))), int(y))
        for z, y in zip(seen.logits[:, 1], seen.targets[:, 1], strict=True)
        if y >= 0
    ]
    rate = np.mean([y for _, y in known])
    assert (found["present"], found["negative"]) == (sum(y for _, y in known), sum(1 - y for _, y in known))
    assert found["unknown"] == 30 - len(known)
    assert found["brier"] == pytest.approx(np.mean([(p - y) ** 2 for p, y in known]))
    assert found["base_rate_brier"] == pytest.approx(rate * (1 - rate))
    assert found["chance_ap"] == pytest.approx(rate)
    assert found["negative_within_regions"] == int((seen.targets[20:25, 1] == 0).sum())


def test_every_tag_counts_once_in_the_mean_of_localization(seen):
    found = score_groups(seen)["overall"]["localization"]
    assert found["per_tag"]["liver"]["attention"]["auroc"] == pytest.approx(0.3)
    assert found["mean"]["attention"]["auroc"] == pytest.approx((0.3 + 0.9) / 2)
    assert found["mean"]["prior"]["auroc"] == pytest.approx((0.9 + 0.4) / 2)
    assert found["mean"]["brightness"]["auroc"] == pytest.approx((0.4 + 0.2) / 2)
    assert score_groups(seen)["regions"]["unknown"]["localization"] is None
