"""The auxiliary loss: attention maps against labels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from nnunetv2_mosmos.labels.tag_classes import TagClasses
from nnunetv2_mosmos.labels.targets import tag_fractions

SMOOTH = 1e-5


class AuxiliaryMapLoss(nn.Module):
    """Binary cross-entropy plus soft Dice of every tag's map at map resolution (METHOD 2.3).

    Kin: DenseCLIP (Rao et al., CVPR 2022) adds a cross-entropy on its score map over 0.07. Tags are independent here,
    so that overlapping regions, several labels of one tag and labels without a tag all fit. Positions count by the
    share of their voxels that are labelled. Dice is the mean over the tags that the batch shows; the others are left to
    the cross-entropy, because the Dice of an absent organ is 0 or 1 by its smoothing term alone.

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
        positions = (labelled.sum() * logits.shape[1]).clamp_min(SMOOTH)
        cross_entropy = (entropy * labelled).sum() / positions
        return cross_entropy + self._dice_loss(logits.sigmoid() * labelled, fractions * labelled)

    @staticmethod
    def _dice_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
        axes = (0, *range(2, truth.ndim))
        shown = truth.sum(axes)
        dice = (2 * (probabilities * truth).sum(axes) + SMOOTH) / (probabilities.sum(axes) + shown + SMOOTH)
        present = (shown > 0).float()
        return ((1 - dice) * present).sum() / present.sum().clamp_min(1)
