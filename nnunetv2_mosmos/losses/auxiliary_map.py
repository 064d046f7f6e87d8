"""The auxiliary loss: attention maps against labels."""

from __future__ import annotations

import torch
from nnunetv2.utilities.ddp_allgather import AllGatherGrad
from torch import Tensor, distributed, nn
from torch.nn import functional

from nnunetv2_mosmos.labels.tag_classes import TagClasses
from nnunetv2_mosmos.labels.targets import tag_fractions

SMOOTH = 1e-5


class AuxiliaryMapLoss(nn.Module):
    """Binary cross-entropy plus soft Dice of every tag's map at map resolution (METHOD 2.3).

    Kin: DenseCLIP (Rao et al., CVPR 2022) adds a cross-entropy on its score map over 0.07. Tags are independent here,
    so that overlapping regions, several labels of one tag and labels without a tag all fit. Positions count by the
    share of their voxels that are labelled. Dice is the mean over the tags that the batch shows; the others are left to
    the cross-entropy, because the Dice of an absent organ is 0 or 1 by its smoothing term alone. Under
    DistributedDataParallel the loss is that of all processes' batches together.

    Args:
        classes: the classes of each tag.
    """

    def __init__(self, classes: TagClasses) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, map_logits: Tensor, target: Tensor) -> Tensor:
        """Compare.

        Args:
            map_logits: `(B, K, *G)`.
            target: nnU-Net's target at full resolution, see `tag_fractions`.

        Returns:
            A scalar in fp32: at least 0.
        """
        logits = map_logits.float()
        fractions, labelled = tag_fractions(target, logits.shape[2:], self.classes)
        entropy = functional.binary_cross_entropy_with_logits(logits, fractions, reduction="none")
        cross_entropy, positions = over_processes(torch.stack([(entropy * labelled).sum(), labelled.sum()]))
        cross_entropy = cross_entropy / (positions * logits.shape[1]).clamp_min(SMOOTH)
        return cross_entropy + self._dice_loss(logits.sigmoid() * labelled, fractions * labelled)

    @staticmethod
    def _dice_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
        axes = (0, *range(2, truth.ndim))
        sums = torch.stack([(probabilities * truth).sum(axes), probabilities.sum(axes), truth.sum(axes)])
        overlap, predicted, shown = over_processes(sums)
        dice = (2 * overlap + SMOOTH) / (predicted + shown + SMOOTH)
        present = (shown > 0).float()
        return ((1 - dice) * present).sum() / present.sum().clamp_min(1)


def over_processes(sums: Tensor) -> Tensor:
    """The total over all processes that train together, with its gradient, as nnU-Net's Dice loss takes it."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return sums
    return AllGatherGrad.apply(sums).sum(0)
