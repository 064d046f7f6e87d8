"""A batch as a picture: what the network sees, beside what it is told of it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from torch import Tensor

from pretraining.data.batches import Batch
from pretraining.data.corpus import Corpus

MOST_IMAGES = 16
COLUMNS = 4
TEXT_WIDTH, TEXT_LINES = 44, 3


def draw_batch(batch: Batch, corpus: Corpus, path: Path, dim: int) -> None:
    """Draw the first images of a batch with the beginning of their reports and the tags present.

    Args:
        batch: images as the network gets them; of several crops the first, of volumes the middle slice is drawn.
        corpus: the texts of reports, and the tags.
        path: the PNG to write.
        dim: 2 for images, 3 for volumes.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    count = min(len(batch.studies), MOST_IMAGES)
    rows = -(-count // COLUMNS)
    figure, axes = pyplot.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 5 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.set_axis_off()
    for row, axis in zip(range(count), axes.flat, strict=False):
        axis.imshow(_slice(batch.images[row], dim).numpy(), cmap="gray")
        axis.set_title(caption(batch, row, corpus), fontsize=8, loc="left", parse_math=False)
    figure.savefig(path, dpi=80, bbox_inches="tight")
    pyplot.close(figure)


def caption(batch: Batch, row: int, corpus: Corpus) -> str:
    """Study, beginning of the report, tags present.

    Args:
        batch: the batch.
        row: which study of it.
        corpus: texts and tags.
    """
    present = [tag for tag, target in zip(corpus.tag_ids, batch.targets[row].tolist(), strict=True) if target == 1]
    parts = (batch.studies[row], corpus.texts[int(batch.reports[row])], f"present: {', '.join(present) or 'none'}")
    return "\n".join(
        line for part in parts for line in textwrap.wrap(part, TEXT_WIDTH, max_lines=TEXT_LINES, placeholder=" …")
    )


def _slice(image: Tensor, dim: int) -> Tensor:
    """`(Y, X)` of the first channel of the first crop."""
    while image.ndim > dim:
        image = image[0]
    return image if dim == 2 else image[len(image) // 2]
