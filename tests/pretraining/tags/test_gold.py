"""Quality on hand-annotated sentences of real captions; the numbers in full come from `benchmarks/tag_mining.py`."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from pretraining.tags.miner import TagMiner


@pytest.fixture(scope="module")
def benchmark(checkout) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tag_mining", checkout / "benchmarks" / "tag_mining.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tag_mining"] = module
    spec.loader.exec_module(module)
    return module


def test_quality_on_annotated_sentences(benchmark, shared_data):
    captions = benchmark.read_captions(shared_data / "text_roco_ccby" / "roco_validation_ccby.tsv")
    gold = benchmark.read_gold(benchmark.HERE / "data" / "tag_gold.jsonl", captions)
    assert len(gold) >= 150
    miner = TagMiner()
    assert all(tag in miner.vocabulary for sentence in gold for tag in sentence.states)
    mined = [miner.mine(sentence.text).tags for sentence in gold]
    scores = benchmark.score([sentence.states for sentence in gold], mined, miner.vocabulary)
    assert scores["present F1"] >= 0.95
    assert scores["absent F1"] >= 0.90
    assert scores["side accuracy"] >= 0.95


def test_the_score_counts_by_hand(benchmark):
    vocabulary = TagMiner().vocabulary
    gold = [{"liver": "present", "kidney_left": "present"}, {"spleen": "absent"}]
    mined = [{"liver": "present", "heart": "present", "kidney_right": "present"}, {"spleen": "absent"}]
    scores = benchmark.score(gold, mined, vocabulary)
    assert scores["present precision"] == pytest.approx(1 / 3)
    assert scores["present recall"] == pytest.approx(1 / 2)
    assert scores["present F1"] == pytest.approx(2 / 5)
    assert scores["absent F1"] == 1.0
    assert scores["side accuracy"] == 0.0
