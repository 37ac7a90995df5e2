"""Drawn pictures on disk: a PNG file for each, and all of them on one sheet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from wudao_rt.data.errors import DataError
from wudao_rt.files import reason
from wudao_rt.ops.types import Array

SHEET = "sheet.png"
_LEAST_PIXELS = 96  # of a picture on a sheet: small ones are enlarged by whole numbers
_GAP = 6


def contact_sheet(pictures: Array, columns: int) -> Array:
    """Return pictures side by side on grey, row by row.

    Args:
        pictures: uint8 (N, H, W, 3).
        columns: pictures in a row.

    Returns: uint8 (H', W', 3).

    Example:
        >>> contact_sheet(np.zeros((3, 32, 32, 3), np.uint8), columns=2).shape
        (210, 210, 3)
    """
    times = max(1, -(-_LEAST_PIXELS // pictures.shape[1]))
    large = pictures.repeat(times, axis=1).repeat(times, axis=2)
    count, height, width, _ = large.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 200, np.uint8)
    for place, picture in enumerate(large):
        top, left = (_GAP + number * (size + _GAP) for number, size in
                     zip(divmod(place, columns), (height, width), strict=True))
        sheet[top : top + height, left : left + width] = picture
    return sheet


def write_sheet(file: Path, pictures: Array, columns: int) -> Path:
    """Write a contact sheet as a PNG file.

    Raises:
        DataError: it cannot be written.
    """
    return write_picture(file, contact_sheet(pictures, columns))


def write_picture(file: Path, picture: Array) -> Path:
    """Write a picture, uint8 (H, W, 3), as a PNG file and return its name.

    Raises:
        DataError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(file, "PNG", optimize=True)
    except OSError as error:
        raise DataError(f"image: {file}: expected to write a picture, got: {reason(error)}. Choose another folder."
                        ) from error
    return file
