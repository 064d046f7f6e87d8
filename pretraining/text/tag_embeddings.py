"""One unit vector a tag, from its prompts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class TagEmbeddings(nn.Module):
    """Projects the mean of a tag's prompts, centered over the tags.

    Text encoders give all organs nearly one direction; without centering all maps would be alike (METHOD 1.5).

    Args:
        hidden_size: length H of a text's vector.
        embedding_dim: D.
    """

    def __init__(self, hidden_size: int, embedding_dim: int) -> None:
        super().__init__()
        self.projection = nn.Linear(hidden_size, embedding_dim)

    def forward(self, prompts: Tensor, trained: Tensor | None = None) -> Tensor:
        """Embed tags.

        Args:
            prompts: `(K, H)`, the mean of each tag's prompts.
            trained: `(K,)` boolean, the tags that training saw: center and spread are theirs. All of them when
                omitted.

        Returns:
            `(K, D)`, unit vectors.
        """
        center, spread = center_and_spread(prompts if trained is None else prompts[trained])
        return functional.normalize(self.projection((prompts - center) / spread), dim=-1)


def center_and_spread(prompts: Tensor) -> tuple[Tensor, Tensor]:
    """What tags' prompts are centered by and scaled by.

    Args:
        prompts: `(K, H)`.

    Returns:
        `(H,)` and a scalar.
    """
    center = prompts.mean(0)
    # Clamped before the root, whose gradient at 0, where there is one tag, is infinite.
    return center, (prompts - center).square().mean().clamp(min=1e-12).sqrt()


def random_prompt_features(tags: int, hidden_size: int, seed: int) -> Tensor:
    """The control: vectors that know nothing of the tags' names.

    Args:
        tags: K.
        hidden_size: H.
        seed: fixes them.

    Returns:
        `(K, H)`, standard normal.
    """
    return torch.randn(tags, hidden_size, generator=torch.Generator().manual_seed(seed))
