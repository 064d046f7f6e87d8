"""Mines a stream of reports on all cores, in order, in constant memory."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any

from pretraining.tags.miner import MinedReport, TagMiner
from pretraining.tags.report_files import RejectedRow, ReportRow
from pretraining.tags.vocabulary import Vocabulary

# Reports sent to a process at once: enough that sending costs little beside mining.
_CHUNK = 500
# Chunks handed out ahead of time, a worker: enough to keep it busy, few enough to bound memory.
_AHEAD = 3

Line = dict[str, Any]

_worker: TagMiner | None = None


def mine_lines(
    rows: Iterable[ReportRow | RejectedRow], vocabulary: Vocabulary, explain: bool, workers: int
) -> Iterator[Line | RejectedRow]:
    """Mine rows and make the output objects; rejected rows pass through. The order is that of the input.

    Args:
        rows: from `RowReader.read`.
        vocabulary: the tags to look for.
        explain: add the evidence of every tag.
        workers: processes. 1 mines in this one, and so does an input that a single chunk holds.
    """
    source = iter(rows)
    chunk = list(islice(source, _CHUNK))
    if workers <= 1 or len(chunk) < _CHUNK:
        miner = TagMiner(vocabulary)
        while chunk:
            yield from _mine(miner, chunk, explain)
            chunk = list(islice(source, _CHUNK))
        return
    context = multiprocessing.get_context("spawn")
    content = vocabulary.to_dict()
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(content,)) as pool:
        pending: deque[Future[list[Line | RejectedRow]]] = deque()
        while chunk or pending:
            if chunk:
                pending.append(pool.submit(_mine_in_worker, chunk, explain))
                chunk = list(islice(source, _CHUNK))
            if pending and (not chunk or len(pending) >= _AHEAD * workers):
                yield from pending.popleft().result()


def _start(content: dict[str, Any]) -> None:
    global _worker
    _worker = TagMiner(Vocabulary.from_dict(content))


def _mine_in_worker(chunk: list[ReportRow | RejectedRow], explain: bool) -> list[Line | RejectedRow]:
    assert _worker is not None
    return _mine(_worker, chunk, explain)


def _mine(miner: TagMiner, chunk: list[ReportRow | RejectedRow], explain: bool) -> list[Line | RejectedRow]:
    return [
        row if isinstance(row, RejectedRow) else output_line(row.id, miner.mine(row.text, explain=explain), explain)
        for row in chunk
    ]


def output_line(report_id: str, mined: MinedReport, explain: bool) -> Line:
    """The object of one report: id, tags, regions, and with `explain` why each tag has its state."""
    line: Line = {"id": report_id, "tags": mined.tags, "regions": list(mined.regions)}
    if explain:
        reasons: dict[str, list[Line]] = {tag: [] for tag in mined.tags}
        for evidence in mined.evidence:
            reasons[evidence.tag].append({"span": list(evidence.span), "text": evidence.text, "rule": evidence.rule})
        line["explain"] = reasons
    return line
