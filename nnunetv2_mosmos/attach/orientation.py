"""Which way the axes of a dataset's arrays run, beside the upright images that a bundle was pretrained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import nibabel
import SimpleITK as sitk

# Towards which side of the patient the axes (z, y, x) of an upright array run: `ORIENTATION` of pretraining's arrays,
# LPS, in array order.
UPRIGHT = ("S", "P", "L")
# The two ends of each of the patient's axes.
_ENDS = ("RL", "AP", "IS")


def axis_codes(properties: Mapping[str, Any], transpose_forward: Sequence[int]) -> tuple[str, ...] | None:
    """The side of the patient that each axis of an array runs to, once nnU-Net has transposed it.

    Args:
        properties: what nnU-Net's reader says of a case; the SimpleITK readers tell its direction matrix, the nibabel
            readers (to which nnU-Net gives `.nii`) its affine.
        transpose_forward: how the plans transpose an array (z, y, x).

    Returns:
        Three of R, L, A, P, I, S; None where the file tells no direction in 3D.
    """
    image_axes = _image_axes(properties)
    return None if image_axes is None else tuple(image_axes[2 - axis] for axis in transpose_forward)


def _image_axes(properties: Mapping[str, Any]) -> Sequence[str] | None:
    """The side of the patient that each axis (x, y, z) of an image, as nnU-Net read it, runs to."""
    if (nibabel_stuff := properties.get("nibabel_stuff")) is not None:
        # One of the two readers reorients images.
        affine = nibabel_stuff.get("reoriented_affine", nibabel_stuff["original_affine"])
        codes: tuple[str | None, ...] = nibabel.aff2axcodes(affine)
        return None if None in codes else [str(code) for code in codes]
    direction = properties.get("sitk_stuff", {}).get("direction")
    if direction is None or len(direction) != 9:
        return None
    axes: str = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(direction)
    return axes


def left_right_axis(codes: Sequence[str] | None, transpose_forward: Sequence[int], dim: int) -> int | None:
    """The axis of a network's input along which the patient's left and right lie.

    Args:
        codes: from `axis_codes`. Where they are None, the last axis of the image array is taken, as for axial images.
        transpose_forward: how the plans transpose the axes of an array (z, y, x).
        dim: 2 for networks that see slices along the first transposed axis.

    Returns:
        The axis among the network's spatial axes, or None where its slices are sagittal.
    """
    whole = list(transpose_forward).index(2) if codes is None else [code in "LR" for code in codes].index(True)
    axis = whole - (3 - dim)
    return axis if axis >= 0 else None


def orientation_lines(codes: Sequence[str] | None) -> list[str]:
    """What `nnUNetv2_mosmos_attach` says about a dataset's orientation.

    Args:
        codes: from `axis_codes`.
    """
    if codes is None:
        return ["orientation: the files tell none; images should be upright, as those of the pretraining were"]
    left_right = [code in "LR" for code in codes].index(True)
    lines = [
        f"orientation: the array axes that the network sees run to {', '.join(codes)}; left-right is axis {left_right} "
        f"({f'axis {left_right - 1}' if left_right else 'across the slices'} in 2d)"
    ]
    sides = [next(end for end in _ENDS if code in end) for code in codes]
    upright = [next(end for end in _ENDS if code in end) for code in UPRIGHT]
    if sides != upright:
        lines.append(
            f"WARNING: upright arrays, as the pretraining had them, run to {', '.join(UPRIGHT)}: here axes are "
            "transposed, for which the bundle's maps start weaker"
        )
    elif flipped := [
        f"axis {axis}" for axis, (code, wanted) in enumerate(zip(codes, UPRIGHT, strict=True)) if code != wanted
    ]:
        lines.append(
            f"WARNING: upright arrays, as the pretraining had them, run to {', '.join(UPRIGHT)}, these the other way "
            f"along {' and '.join(flipped)}; store the images in LPS (SimpleITK.DICOMOrient(image, 'LPS')) before "
            "planning, or the bundle's maps start weaker"
        )
    return lines
