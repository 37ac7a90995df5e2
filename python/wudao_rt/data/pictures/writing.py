"""Pack pictures: all pixels in one `.npy` file, one line of JSON each, and what belongs together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np

from ..errors import DataError
from ..held_out import PICTURE_SPLITS
from ..package import sha256_of
from .record import Picture, record_lines

PIXELS = "pictures.npy"
RECORDS = "pictures.jsonl"
ABOUT = "pictures.json"


def write_pictures(folder: Path | str, pictures: Iterable[Picture], size: int) -> dict[str, object]:
    """Write pictures one after the other; memory holds one at a time.

    Args:
        folder: gets `pictures.npy` (uint8 [N, S, S, 4]), `pictures.jsonl` (their records) and `pictures.json`.
        pictures: what to write, in the order of the file.
        size: S, width and height in pixels.

    Returns: what `pictures.json` says: size, count, counts by split and vendor, the pixels' SHA-256.

    Raises:
        DataError: pixels of another shape or type.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    counts = _Counts()
    with (folder / PIXELS).open("wb") as pixels, (folder / RECORDS).open("w", encoding="utf-8") as records:
        _write_head(pixels, 0, size)
        for picture in pictures:
            _write_one(picture, size, pixels, records)
            counts.add(picture)
        pixels.seek(0)
        _write_head(pixels, counts.count, size)  # NumPy leaves room for a longer first axis
    about = {"size": size, **counts.to_json(), "sha256": sha256_of(folder / PIXELS)}
    (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")
    return about


def _write_one(picture: Picture, size: int, pixels: BinaryIO, records: TextIO) -> None:
    if picture.pixels.shape != (size, size, 4) or picture.pixels.dtype != np.uint8:
        raise DataError(f"data pictures: {picture.record.id}: expected uint8 pixels [{size}, {size}, 4], got "
                        f"{picture.pixels.dtype} {list(picture.pixels.shape)}. Read it at this size.")
    pixels.write(picture.pixels.tobytes())
    records.write(record_lines([picture.record]))


def _write_head(file: BinaryIO, count: int, size: int) -> None:
    shape = (count, size, size, 4)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


class _Counts:
    """How many pictures there are of each kind."""

    def __init__(self) -> None:
        self.count, self.skin_tones, self.flags = 0, 0, 0
        self.splits: Counter[str] = Counter(dict.fromkeys(PICTURE_SPLITS, 0))
        self.vendors: Counter[str] = Counter()

    def add(self, picture: Picture) -> None:
        record = picture.record
        self.count += 1
        self.skin_tones += record.skin_tone
        self.flags += record.flag
        self.splits[record.split] += 1
        self.vendors[record.vendor] += 1

    def to_json(self) -> dict[str, object]:
        return {"count": self.count, "splits": dict(self.splits), "vendors": dict(self.vendors),
                "skin_tones": self.skin_tones, "flags": self.flags}
