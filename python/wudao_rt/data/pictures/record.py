"""What is known about a picture, as a dataclass and as a line of JSON; and a picture with its pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """One picture, without its pixels.

    `base` names what it shows and decides the split; `unified` is its own name, another one for a skin tone.
    `skin_tone` marks the skin tones of a base, `flag` the category of flags. `captions` are ready captions (your own
    pictures); where there are none they are made of names and keywords.
    """

    id: str
    base: str
    unified: str = ""
    vendor: str = ""
    category: str = ""
    subcategory: str = ""
    name_en: str = ""
    name_zh: str = ""
    keywords_en: tuple[str, ...] = ()
    keywords_zh: tuple[str, ...] = ()
    split: str = "train"
    skin_tone: bool = False
    flag: bool = False
    captions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the fields that hold something."""
        return {name: value for name in _NAMES if (value := getattr(self, name))}

    @classmethod
    def of_json(cls, line: str) -> PictureRecord:
        """Return the record of a line that `to_json` was written to; ValueError or TypeError for another line."""
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError(f"a record is no {type(values).__name__}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


_NAMES = tuple(field.name for field in fields(PictureRecord))


class Picture(NamedTuple):
    """A record and its pixels: uint8 [S, S, 4], red, green, blue and how opaque, not premultiplied."""

    record: PictureRecord
    pixels: np.ndarray


def read_picture_records(path: Path) -> Iterator[PictureRecord]:
    """Yield the records of a JSON-lines file, in the order of the packed pictures."""
    with path.open(encoding="utf-8") as file:
        yield from map(PictureRecord.of_json, file)


def record_lines(records: Iterable[PictureRecord]) -> str:
    """Return records as JSON lines, for `read_picture_records`."""
    return "".join(json.dumps(record.to_json(), ensure_ascii=False) + "\n" for record in records)
