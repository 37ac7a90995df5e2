"""Read one PNG, JPEG or WebP file into a square of pixels, or say what is wrong with it."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP")
SMALLEST, MOST_PIXELS = 4, 64_000_000
# All that Pillow raises.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError, OverflowError)


def read_square(file: Path, size: int, crop: bool = True) -> np.ndarray:
    """Return a picture file as a square.

    Turned upright by its EXIF mark, cropped around the centre, scaled (Lanczos). 16 bits become 8, CMYK and grey become
    red, green, blue; of an animation the first picture is read.

    Args:
        file: PNG, JPEG or WebP.
        size: S, width and height that it gets.
        crop: cut what is not square; False refuses it.

    Returns: uint8 [S, S, 4].

    Raises:
        DataError: no such file, empty, another format, damaged, smaller than 4 pixels, larger than 64 million, or not
            square where `crop` is False.
    """
    image = _upright(file)
    if not crop and image.width != image.height:
        raise DataError(f"data pictures: {file}: expected a square, got {image.width} by {image.height}. Crop it, or "
                        "read with crop=True.")
    return np.asarray(ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS))


def read_padded(file: Path, size: int) -> np.ndarray:
    """Return a whole picture file, scaled to fit, in the middle of a transparent square: uint8 [S, S, 4].

    Raises:
        DataError: as `read_square`.
    """
    return np.asarray(ImageOps.pad(_upright(file), (size, size), Image.Resampling.LANCZOS, (0, 0, 0, 0)))


def _upright(file: Path) -> Image.Image:
    """Return the whole picture in RGBA."""
    _require_bytes(file)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata, which we do not keep, and of sizes, of which we have a limit of our own.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=FORMATS) as image:
                _require_size(file, *image.size)
                return _to_rgba(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise _too_large(file, "more") from error
    except _BROKEN as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DataError(f"data pictures: {file}: expected a whole PNG, JPEG or WebP picture, got: {reason}. "
                        "Save it again or move it out of the folder.") from error


def _to_rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # grey in 16 bits, which Pillow would cut at 255
        image = Image.fromarray(((np.asarray(image).astype(np.int64) + 128) // 257).astype(np.uint8))
    return image.convert("RGBA")


def _require_bytes(file: Path) -> None:
    try:
        size = file.stat().st_size if file.is_file() else -1
    except OSError as error:
        raise DataError(f"data pictures: {file}: expected a readable file, got '{error.strerror}'. Check its rights."
                        ) from error
    if size <= 0:
        why = "the file is empty" if size == 0 else "there is no such file"
        raise DataError(f"data pictures: {file}: expected a picture, {why}. Check the path and the copy.")


def _require_size(file: Path, width: int, height: int) -> None:
    if min(width, height) < SMALLEST:
        raise DataError(f"data pictures: {file}: expected at least {SMALLEST} by {SMALLEST} pixels, got {width} by "
                        f"{height}. Move it out of the folder.")
    if width * height > MOST_PIXELS:
        raise _too_large(file, f"{width} by {height}")


def _too_large(file: Path, got: str) -> DataError:
    return DataError(f"data pictures: {file}: expected at most {MOST_PIXELS:,} pixels, got {got}. "
                     "It is not unpacked: scale it down first.")
