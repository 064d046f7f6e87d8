"""Tags of all reports, by the tag miner."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tqdm import tqdm

from pretraining.studies.workers import end_with_parent
from pretraining.tags.miner import MinedReport, TagMiner
from pretraining.tags.vocabulary import Vocabulary

# Below this, starting processes takes longer than mining.
_PARALLEL_FROM = 4_000

_miner: TagMiner | None = None


def mine_reports(reports: Sequence[str], vocabulary: Vocabulary, workers: int) -> list[MinedReport]:
    """Mine every report, in order.

    Args:
        reports: texts.
        vocabulary: the tags to look for.
        workers: processes, used when the reports are many.
    """
    progress = {"total": len(reports), "desc": "reports", "unit": "report", "disable": not reports}
    if workers <= 1 or len(reports) < _PARALLEL_FROM:
        miner = TagMiner(vocabulary)
        return [miner.mine(report) for report in tqdm(reports, **progress)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(vocabulary,)) as pool:
        return list(tqdm(pool.map(_mine, reports, chunksize=200), **progress))


def _start(vocabulary: Vocabulary) -> None:
    global _miner
    end_with_parent()
    _miner = TagMiner(vocabulary)


def _mine(report: str) -> MinedReport:
    assert _miner is not None
    return _miner.mine(report)
