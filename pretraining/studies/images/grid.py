"""The grid that an image is stored on: orientation, spacing, size."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk

from pretraining.studies.images.image import UnusableImageError

ORIENTATION = "LPS"


def upright(image: sitk.Image) -> tuple[sitk.Image, str]:
    """Bring an image into the orientation in which radiologists look at it.

    3D: axes permuted and flipped so that x runs to the patient's left, y to posterior, z to superior. A volume of one
        slice
    becomes 2D, with the patient's superior or anterior side up. 2D stays as it is.

    Returns:
        The image and the orientation it came in (`RAS`, ...; empty for 2D).

    Raises:
        UnusableImageError: neither 2D nor 3D.
    """
    image = without_time(image)
    if image.GetDimension() == 2:
        return image, ""
    if image.GetDimension() != 3:
        sides = " x ".join(map(str, image.GetSize()))
        raise UnusableImageError(f"the image has {image.GetDimension()} dimensions ({sides}): split it into 3D images")
    original = sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(image.GetDirection())
    oriented = sitk.DICOMOrient(image, ORIENTATION)
    size = list(oriented.GetSize())
    if 1 not in size:
        return oriented, original
    axis = max(index for index, length in enumerate(size) if length == 1)
    if axis != 2:
        # A coronal or sagittal slice: its rows run along z, which LPS stores feet first.
        oriented = sitk.Flip(oriented, [False, False, True])
    size[axis] = 0
    return sitk.Extract(
        oriented, size, directionCollapseToStrategy=sitk.ExtractImageFilter.DIRECTIONCOLLAPSETOIDENTITY
    ), original


def without_time(image: sitk.Image) -> sitk.Image:
    """The volume of an image of four dimensions or more that holds a single point in time; any other as it is."""
    while image.GetDimension() > 3 and image.GetSize()[-1] == 1:
        image = image[..., 0]
    return image


def grid_for(
    image: sitk.Image, target_spacing: Sequence[float] = (), max_side: int | None = None
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Size and spacing that an image shall have.

    Args:
        image: 2D or 3D.
        target_spacing: mm, in array order (z, y, x), for 3D; empty to keep the image's own.
        max_side: the longest side that a 2D image may have, in pixels; larger ones shrink, aspect kept.

    Returns:
        Size and spacing in SimpleITK's order (x, y, z), covering what the image covers.
    """
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    if len(size) == 3 and len(target_spacing):
        wanted = np.array(target_spacing[::-1], dtype=float)
        new_size = np.maximum(1, np.rint(size * spacing / wanted)).astype(int)
        return tuple(map(int, new_size)), tuple(map(float, wanted))
    if len(size) == 2 and max_side is not None and size.max() > max_side:
        new_size = np.maximum(1, np.rint(size * (max_side / size.max()))).astype(int)
        return tuple(map(int, new_size)), tuple(map(float, size * spacing / new_size))
    return tuple(map(int, size)), tuple(map(float, spacing))


def resample(image: sitk.Image, size: Sequence[int], spacing: Sequence[float]) -> sitk.Image:
    """Resample to another size over the same extent, smoothing first along the axes that lose samples.

    Args:
        image: 2D or 3D, any number of components.
        size: voxels in SimpleITK's order.
        spacing: mm, in SimpleITK's order.

    Returns:
        float32, or the image itself when nothing changes.
    """
    if tuple(size) == image.GetSize() and np.allclose(spacing, image.GetSpacing()):
        return image
    smooth = sitk.Cast(image, sitk.sitkVectorFloat32 if image.GetNumberOfComponentsPerPixel() > 1 else sitk.sitkFloat32)
    factors = np.array(spacing) / np.array(image.GetSpacing())
    for axis, factor in enumerate(factors):
        # The recursive filter needs four samples along its axis.
        if factor > 1.01 and image.GetSize()[axis] >= 4:
            sigma = 0.5 * np.sqrt(factor**2 - 1) * image.GetSpacing()[axis]
            smooth = sitk.RecursiveGaussian(smooth, sigma=float(sigma), direction=axis)
    return sitk.Resample(
        smooth, _reference(image, size, spacing), interpolator=sitk.sitkLinear, useNearestNeighborExtrapolator=True
    )


def resample_labels(mask: sitk.Image, like: sitk.Image) -> sitk.Image:
    """Bring a label image onto another image's grid; 0 outside.

    Where samples are lost, a voxel gets the label that prevails around its centre: at half the resolution every centre
    lies between two voxels, and labels would shift with the nearest one. Elsewhere nearest neighbour, which is quicker,
    does.
    """
    if mask.GetSize() == like.GetSize() and np.allclose(_placement(mask), _placement(like), atol=1e-4):
        return mask
    loses = np.any(np.array(like.GetSpacing()) > 1.01 * np.array(mask.GetSpacing()))
    interpolator = sitk.sitkLabelGaussian if loses else sitk.sitkNearestNeighbor
    return sitk.Resample(mask, like, interpolator=interpolator, defaultPixelValue=0)


def has_place(image: sitk.Image, other: sitk.Image) -> bool:
    """Whether a header places its image: one with no origin, rotation or spacing of its own does not.

    Args:
        image: 2D or 3D.
        other: an image whose spacing `image` may have without being placed.
    """
    dim = image.GetDimension()
    # Without any header: LPS, as ITK counts, or RAS, as NIfTI does.
    directions = (np.eye(dim), np.diag([-1, -1, 1][:dim]))
    unrotated = any(np.allclose(image.GetDirection(), direction.ravel(), atol=1e-4) for direction in directions)
    spacings = (np.ones(dim), *([other.GetSpacing()] if other.GetDimension() == dim else []))
    unspaced = any(np.allclose(image.GetSpacing(), spacing, rtol=1e-3) for spacing in spacings)
    return not (unrotated and unspaced and np.allclose(image.GetOrigin(), 0, atol=1e-4))


def same_place(image: sitk.Image, other: sitk.Image) -> bool:
    """Whether two images are of one size, and no voxel lies half a voxel or more from its counterpart."""
    if image.GetSize() != other.GetSize():
        return False
    corners = list(itertools.product(*((0, length - 1) for length in image.GetSize())))
    one, two = (np.array([grid.TransformIndexToPhysicalPoint(corner) for corner in corners]) for grid in (image, other))
    return bool(np.linalg.norm(one - two, axis=1).max() < min(other.GetSpacing()) / 2)


def _placement(image: sitk.Image) -> tuple[float, ...]:
    return (*image.GetOrigin(), *image.GetSpacing(), *image.GetDirection())


def geometry_of(image: sitk.Image, source: sitk.Image, original_orientation: str, has_spacing: bool) -> dict[str, Any]:
    """What is stored beside an array about its place in the patient.

    Args:
        image: as stored.
        source: as read.
        original_orientation: of `source`.
        has_spacing: False where nobody knows millimetres.

    Returns:
        `spacing` and `original_spacing` (mm; None when unknown) and `original_shape` in array order; `origin` (mm) and
        `direction` in SimpleITK's order, LPS.
    """
    return {
        "spacing": list(image.GetSpacing()[::-1]) if has_spacing else None,
        "origin": list(image.GetOrigin()),
        "direction": list(image.GetDirection()),
        "orientation": ORIENTATION if image.GetDimension() == 3 else None,
        "original_shape": list(source.GetSize()[::-1]),
        "original_spacing": list(source.GetSpacing()[::-1]) if has_spacing else None,
        "original_origin": list(source.GetOrigin()),
        "original_direction": list(source.GetDirection()),
        "original_orientation": original_orientation or None,
    }


def _reference(image: sitk.Image, size: Sequence[int], spacing: Sequence[float]) -> sitk.Image:
    """An empty grid whose outer borders, not voxel centres, are those of `image`."""
    shift = (np.array(spacing) - np.array(image.GetSpacing())) / 2
    direction = np.array(image.GetDirection()).reshape(len(size), len(size))
    reference = sitk.Image([int(length) for length in size], sitk.sitkUInt8)
    reference.SetSpacing([float(length) for length in spacing])
    reference.SetDirection(image.GetDirection())
    reference.SetOrigin([float(x) for x in np.array(image.GetOrigin()) + direction @ shift])
    return reference
