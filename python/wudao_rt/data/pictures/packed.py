"""Read packed pictures, memory-mapped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..package import sha256_of
from .record import Picture, PictureRecord, read_picture_records
from .writing import ABOUT, PIXELS, RECORDS


class Pictures:
    """Pictures on disk: records in memory, pixels mapped.

    Args:
        folder: what `write_pictures` filled, for example `data.prepare("emoji").path`.
        verify: compare the checksum of the pixels.

    Raises:
        DataError: no packed pictures there, or they were changed or cut short.

    Example:
        >>> import tempfile
        >>> from wudao_rt.data.pictures import Picture, PictureRecord, write_pictures
        >>> folder = tempfile.mkdtemp()
        >>> dot = Picture(PictureRecord("dot", "dot", name_en="dot"), np.zeros((8, 8, 4), np.uint8))
        >>> write_pictures(folder, [dot], size=8)["count"]
        1
        >>> Pictures(folder).pixels.shape
        (1, 8, 8, 4)
    """

    def __init__(self, folder: Path | str, verify: bool = True) -> None:
        self.folder = Path(folder)
        try:
            self.about: dict[str, object] = json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))
            self.records: list[PictureRecord] = list(read_picture_records(self.folder / RECORDS))
            self.pixels: np.ndarray = np.load(self.folder / PIXELS, mmap_mode="r")
            count, digest = self.about["count"], self.about["sha256"]
        except (OSError, EOFError, ValueError, TypeError, KeyError) as error:
            raise self._broken(getattr(error, "strerror", None) or str(error)) from error
        if not len(self.pixels) == len(self.records) == count:
            raise self._broken(f"{len(self.pixels)} pictures and {len(self.records)} records")
        if verify and sha256_of(self.folder / PIXELS) != digest:
            raise self._broken("its checksum differs")

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Picture:
        return Picture(self.records[index], np.asarray(self.pixels[index]))

    @property
    def size(self) -> int:
        """Width and height in pixels."""
        return self.pixels.shape[1]

    def indices(self, split: str = "train", vendor: str = "") -> np.ndarray:
        """Return the places of a split's pictures, int64 in the order of the file; of one vendor if it is named."""
        if split not in (splits := self.about["splits"]):
            raise DataError(f"data pictures: split: expected one of {', '.join(splits)}, got '{split}'. Choose one.")
        return np.array([place for place, record in enumerate(self.records)
                         if record.split == split and vendor in ("", record.vendor)], dtype=np.int64)

    def _broken(self, why: str) -> DataError:
        return DataError(f"data pictures: {self.folder}: expected packed pictures, got: {why}. "
                         "Remove the folder and prepare it again.")
