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


def read(path: Path) -> SourceImage:
    """Read a picture as one grey channel: 16-bit values are kept, colour becomes luminance, transparency black.

    Raises:
        UnusableImageError: the file is truncated, corrupt or not a picture.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
            frames = getattr(picture, "n_frames", 1)
            array = _grey(upright)
    except UnidentifiedImageError as error:
        raise UnusableImageError("not a picture that can be decoded (wrong type, or corrupt from the start)") from error
    except Exception as error:
        raise UnusableImageError(f"the picture cannot be decoded ({error})") from error
    flags = (f"only the first of {frames} pages was read",) if frames > 1 else ()
    return SourceImage(sitk.GetImageFromArray(array), has_spacing=False, flags=flags)


def _grey(picture: Image.Image) -> np.ndarray:
    if picture.mode in _DEEP_MODES:
        return np.asarray(picture).astype(_DEEP_MODES[picture.mode])
    if "A" in picture.getbands() or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "black")
        picture = Image.alpha_composite(opaque, picture.convert("RGBA"))
    elif picture.mode not in ("L", "1", "RGB"):
        picture = picture.convert("RGB")
    return np.asarray(picture.convert("L"))
