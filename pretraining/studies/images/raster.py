"""PNG, JPEG and their like, by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageOps, UnidentifiedImageError

from pretraining.studies.images.image import SourceImage, UnusableImageError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

# Modes that hold one channel of more than 8 bits; every other mode becomes luminance.
_DEEP_MODES = {"I;16": np.uint16, "I;16B": np.uint16, "I;16L": np.uint16, "I": np.int32, "F": np.float32}


def read(path: Path, labels: bool = False) -> SourceImage:
    """Read a picture as one grey channel: 16-bit values are kept, colour becomes luminance, transparency black.

    Args:
        path: the file.
        labels: the values are labels: of a palette the indices are read, and other colours are refused.

    Raises:
        UnusableImageError: the file is truncated, corrupt or not a picture, or colours stand where labels should.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            frames = getattr(picture, "n_frames", 1)
            array = _labels(upright) if labels else _grey(upright)
    except UnusableImageError:
        raise
    except UnidentifiedImageError as error:
        raise UnusableImageError("not a picture that can be decoded (wrong type, or corrupt from the start)") from error
    except Exception as error:
        raise UnusableImageError(f"the picture cannot be decoded ({error})") from error
    flags = (f"only the first of {frames} pages was read",) if frames > 1 else ()
    return SourceImage(sitk.GetImageFromArray(array), has_spacing=False, flags=flags)


def _labels(picture: Image.Image) -> np.ndarray:
    if picture.mode == "P":
        return np.asarray(picture)
    if len(picture.getbands()) >= 3:
        colours = np.asarray(picture.convert("RGB"))
        if np.any(colours != colours[..., :1]):
            raise UnusableImageError("its labels are colours: save them as whole numbers in one channel")
    return _grey(picture)


def _grey(picture: Image.Image) -> np.ndarray:
    if picture.mode in _DEEP_MODES:
        return np.asarray(picture).astype(_DEEP_MODES[picture.mode])
    if "A" in picture.getbands() or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "black")
        picture = Image.alpha_composite(opaque, picture.convert("RGBA"))
    elif picture.mode not in ("L", "1", "RGB"):
        picture = picture.convert("RGB")
    return np.asarray(picture.convert("L"))
