"""`mosmos_pretrain export`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Options:
    """Options of the command."""

    run: Path
    """Folder of `mosmos_pretrain train --output`."""
    output: Path
    """Folder of the bundle, or file of the checkpoint; an existing one there is replaced."""
    format: Literal["bundle", "nnssl"] = "bundle"
    """`bundle` for nnU-Net with MOSMOS; `nnssl` for stock nnU-Net after release 2.8.1, a `.pth` with the weights of a
    3D convolutional encoder alone."""
    checkpoint: Literal["best", "latest"] = "best"
    """`best` has the lowest validation loss, `latest` is the end of the run so far."""
    license: str = "not stated"
    """License of the weights, for the model card: what the license of the images and reports allows."""


def run(options: Options) -> int:
    """Export a run."""
    from pretraining.training.export import export_nnssl, export_run

    log = logging.getLogger(__name__)
    if options.format == "nnssl":
        info = export_nnssl(options.run, options.output, options.checkpoint, options.license)
        if info.normalization.scheme == "ct":
            log.warning("nnU-Net z-scores images for this format, and the encoder was trained on clipped HU")
        log.info("plan with it: nnUNetv2_preprocess_like_nnssl -d DATASET -n mosmos -pc %s", options.output)
        return 0
    bundle = export_run(options.run, options.output, options.checkpoint, options.license)
    seen = sum(tag.studies > 0 for tag in bundle.info.tags)
    log.info("%s: %dD %s, %d tags seen in training", options.output, bundle.info.dim, bundle.info.encoder.kind, seen)
    log.info("attach it to a dataset: nnUNetv2_mosmos_attach -d DATASET -b %s", options.output)
    return 0
