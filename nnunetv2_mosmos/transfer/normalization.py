"""Maps the intensities that nnU-Net feeds to the intensities that a bundle's encoder was pretrained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pretraining.image.normalization import Normalization


@dataclass(frozen=True)
class InputAffine:
    """`scale * x + shift`, per input channel.

    Attributes:
        scale: one number an input channel.
        shift: one number an input channel.
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def to_dict(self) -> dict[str, list[float]]:
        """Plain types."""
        return {"scale": list(self.scale), "shift": list(self.shift)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> InputAffine:
        """The inverse of `to_dict`."""
        return cls(tuple(values["scale"]), tuple(values["shift"]))


def match_normalization(
    bundle: Normalization,
    schemes: Sequence[str],
    intensities: Mapping[str, Mapping[str, Any]],
    input_channels: int,
) -> tuple[InputAffine | None, list[str]]:
    """The affine map from nnU-Net's normalized intensities to the bundle's, and what cannot be matched.

    nnU-Net's `CTNormalization` gives `(hu - mean_d) / std_d` with the dataset's foreground mean and deviation; the
    bundle wants `(hu - mean_b) / std_b`. Both are affine in HU, so that one follows from the other exactly, but for the
    clipping
    bounds: values that nnU-Net clipped stay clipped.

    Args:
        bundle: the bundle's normalization.
        schemes: nnU-Net's normalization scheme of every image channel.
        intensities: the plans' `foreground_intensity_properties_per_channel`.
        input_channels: channels of the network's input; those after the image channels are left as they are.

    Returns:
        The map, or None where it would change nothing, and notes for the user.
    """
    scale, shift = [1.0] * input_channels, [0.0] * input_channels
    notes: list[str] = []
    for channel, scheme in enumerate(schemes):
        if bundle.scheme == "ct" and scheme == "CTNormalization":
            assert bundle.mean is not None and bundle.std is not None
            mean, std = (float(intensities[str(channel)][name]) for name in ("mean", "std"))
            scale[channel] = std / bundle.std
            shift[channel] = (mean - bundle.mean) / bundle.std
            notes.append(
                f"channel {channel}: CT intensities are mapped to the bundle's normalization "
                f"(x {scale[channel]:.4g}, {shift[channel]:+.4g})"
            )
        elif bundle.scheme != "zscore" or scheme != "ZScoreNormalization":
            notes.append(
                f"channel {channel}: nnU-Net normalizes with {scheme}, the bundle was pretrained with "
                f"'{bundle.scheme}'; intensities are used as they come"
            )
    affine = InputAffine(tuple(scale), tuple(shift))
    unchanged = affine == InputAffine((1.0,) * input_channels, (0.0,) * input_channels)
    return (None if unchanged else affine), notes
