"""How voxel intensities become network input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pretraining.errors import UserError

SCHEMES = ("zscore", "ct")
# Air around the patient is darker; lung, which nnU-Net's foreground may hold too, is not.
FOREGROUND_HU = -900.0
# nnU-Net clips at the same.
CLIP_PERCENTILES = (0.5, 99.5)
# A constant image has no spread; nnU-Net divides by the same floor.
SMALLEST_STD = 1e-8


@dataclass(frozen=True)
class Normalization:
    """nnU-Net's two main schemes.

    Attributes:
        scheme: `zscore` gives each image and channel mean 0 and standard deviation 1; `ct` clips to `lower` and `upper`
            and scales with a `mean` and `std` that hold for all images (Hounsfield units).
        lower: lower clip, HU.
        upper: upper clip, HU.
        mean: HU.
        std: HU.

    Raises:
        UserError: unknown scheme, or `ct` without its four numbers.
    """

    scheme: str = "zscore"
    lower: float | None = None
    upper: float | None = None
    mean: float | None = None
    std: float | None = None

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise UserError(f"the normalization '{self.scheme}' is unknown; choose one of {', '.join(SCHEMES)}")
        if self.scheme == "ct" and None in (self.lower, self.upper, self.mean, self.std):
            raise UserError("the normalization 'ct' needs lower, upper, mean and std; got " + repr(self))

    def __call__(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Normalize an image.

        Args:
            image: `(C, *S)`, any numeric type.

        Returns:
            The same shape in fp32.
        """
        values = image.astype(np.float32)
        if self.scheme == "ct":
            assert self.lower is not None and self.upper is not None
            assert self.mean is not None and self.std is not None
            return ((values.clip(self.lower, self.upper) - self.mean) / max(self.std, SMALLEST_STD)).astype(np.float32)
        axes = tuple(range(1, values.ndim))
        # In place: volumes are large, and reading them is what training waits for.
        values -= values.mean(axes, keepdims=True)
        values /= np.maximum(np.sqrt(np.square(values).mean(axes, keepdims=True)), SMALLEST_STD)
        return values

    def to_dict(self) -> dict[str, Any]:
        """Plain types; numbers that the scheme does not use are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalization:
        """The inverse of `to_dict`."""
        return cls(**values)

    @classmethod
    def of_foreground(cls, intensities: NDArray[Any]) -> Normalization:
        """`ct`, with the statistics of a sample of voxels, as nnU-Net takes them from its foreground.

        Args:
            intensities: `(N,)`, HU of voxels above `FOREGROUND_HU`.
        """
        lower, upper = np.percentile(intensities, CLIP_PERCENTILES)
        return cls("ct", float(lower), float(upper), float(intensities.mean()), float(intensities.std()))
