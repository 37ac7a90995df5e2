"""Cut pictures out of the sheets of the package `emoji-datasource`."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ..errors import DataError
from ..package import PackageFiles

SIZE = 32
_CELL = SIZE + 2  # a border of one transparent pixel
_SHEET = "package/img/{vendor}/sheets/32.png"


def read_sheet(files: PackageFiles, vendor: str) -> np.ndarray:
    """Return the sheet of one vendor, uint8 [height, width, 4]; no other vendor's is read."""
    with Image.open(io.BytesIO(files.member(_SHEET.format(vendor=vendor)))) as sheet:
        return np.asarray(sheet.convert("RGBA"))


def cut(sheet: np.ndarray, column: int, row: int) -> np.ndarray:
    """Return the picture of a cell, uint8 [32, 32, 4]."""
    left, top = column * _CELL + 1, row * _CELL + 1
    pixels = sheet[top : top + SIZE, left : left + SIZE]
    if pixels.shape[:2] != (SIZE, SIZE) or not pixels[..., 3].any():
        raise DataError(f"data prepare: emoji-datasource: expected a picture at column {column}, row {row}, the cell "
                        "is empty. Remove the package's folder from the cache and fetch it again.")
    return pixels
